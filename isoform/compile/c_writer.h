// The functions and arrays of a C header, written out step by step. Private to compile.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "isoform/compile/c_kernels.h"
#include "isoform/compile/c_plan.h"
#include "isoform/model/model.h"

namespace isoform::detail {

/// A function's parameter: an input of the network.
struct CParameter {
  int space = 0;
  std::string name;
};

/// Collects what functions need; arrays are written once, whoever reads them.
class CWriter {
 public:
  CWriter(const Model<float>& model, std::string name);

  /// The source of a function that computes the outputs of a plan.
  std::string function(const std::string& symbol, const CPlan& plan,
                       const std::vector<CParameter>& parameters);

  [[nodiscard]] const std::string& arrays() const { return arrays_; }
  [[nodiscard]] const std::set<CKernel>& kernels() const { return kernels_; }
  [[nodiscard]] const std::set<Radial>& radials() const { return radials_; }
  [[nodiscard]] Index constant_bytes() const { return bytes_; }
  /// Type of the sizes of groups, the smallest that holds them all.
  [[nodiscard]] std::string count_type() const;
  /// `static const float name[]`, once for each name; returns the name.
  std::string array(const std::string& name, std::span<const float> values);

 private:
  void stage(const CStage& stage, const CPlan& plan, const std::vector<CParameter>& parameters);
  void map(const Map<float>& map, const CPlan& plan, const std::string& z);
  void rest(const Map<float>& map, const std::string& p, const std::string& ones,
            const std::string& z);
  void gates(const Space<float>& space, const std::string& z);
  std::string sizes(const std::string& name, const std::vector<Index>& groups);
  void call(CKernel kernel, const std::string& name, const std::string& arguments);
  [[nodiscard]] std::string place(const CStage& stage) const;

  const Model<float>& model_;
  const Network<float>& network_;
  std::string name_, arrays_, body_;
  std::set<std::string> written_;
  std::set<CKernel> kernels_;
  std::set<Radial> radials_;
  std::vector<std::string> places_;  // of each stage of the function at hand
  Index bytes_ = 0, largest_group_ = 1;
};

}  // namespace isoform::detail
