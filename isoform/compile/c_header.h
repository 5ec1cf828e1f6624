// A model as one self-contained C99 header, for machines without this library. docs/embedding.md.
//
//   CHeader header = c_header(model, {.name = "digits"});
//   write_file_atomically("digits.h", header.text);      // #include "digits.h", digits_predict(x, y)
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "isoform/model/model.h"

namespace isoform {

struct CHeaderSettings {
  std::string name = "model";  // begins everything in the header: letters, digits, underscores
  std::string task = {};       // the only one that is written; empty: all, a function each

  /// Throws UsageError for a name that cannot begin names in C.
  void validate() const;
};

/// A name that settings take, made of a file's: "My-net.h" gives "my_net".
std::string c_name(const std::filesystem::path& file);

/// A function of the header: void symbol(const float *x, …, float *y), an x for each input.
struct CFunction {
  std::string symbol;
  std::string task;                // empty: a model without tasks
  std::vector<Index> inputs = {};  // numbers in each x, raw
  Index outputs = 0;               // numbers in y: the logits
  Index stack_bytes = 0;           // of the arrays of a call
};

struct CHeader {
  std::string text;  // ASCII
  std::vector<CFunction> functions;
  Index constant_bytes = 0;  // of all arrays of numbers and names
};

/// What Predictor (compile/predictor.h) computes for one sample, standardisation included, as C that needs <math.h> and <stddef.h>
/// alone and compiles as C++ too: numbers as `static const` arrays (a macro NAME_CONST puts them elsewhere), diagonal and
/// triangular maps without their zeros, parts that no written task needs left out. No heap, nothing that is changed and stays:
/// functions may run in several threads. x and y may be the same.
///
/// Sums are in float, four at a time (the macro NAME_SUM: in another type), so results agree with Predictor's within rounding.
/// The same model and settings give the same text. Throws UsageError for a name that is none, an unknown task,
/// numbers that are not finite. O(parameters).
CHeader c_header(const Model<float>& model, const CHeaderSettings& settings);

}  // namespace isoform
