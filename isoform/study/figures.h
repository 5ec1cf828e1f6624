// What a procedure of a study measured.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace isoform {

/// In order: accuracies and shares 0–1, counts, bytes.
using Figures = std::vector<std::pair<std::string, double>>;

/// Figure of that name; UsageError if there is none.
double figure(const Figures& figures, const std::string& name);

}  // namespace isoform
