// What a C header says about itself: comments, macros, how numbers that a table taught are read. Private to compile.
#pragma once

#include <string>
#include <vector>

#include "isoform/compile/c_header.h"
#include "isoform/compile/c_writer.h"

namespace isoform::detail {

class CWords {
 public:
  CWords(const Model<float>& model, std::string name) : model_(model), name_(std::move(name)) {}

  /// Provenance, use, memory; then the guard, includes and macros that users may set.
  [[nodiscard]] std::string head(const CHeader& header) const;
  /// What x and y of a function are.
  [[nodiscard]] std::string function(const CFunction& function, std::size_t task,
                                     const std::vector<CParameter>& parameters) const;
  /// A function from logits to the units of a table's target, where that is numbers; else empty.
  [[nodiscard]] std::string targets(CWriter& writer) const;

 private:
  [[nodiscard]] std::string network() const;
  [[nodiscard]] std::string features(int space, const std::string& x) const;

  const Model<float>& model_;
  std::string name_;
};

}  // namespace isoform::detail
