// Changes of a model that is served, asked for in JSON: {"shrink": {…}}, {"grow": {…}}, {"append_class": {…}}, {"rotate": {…}}.
#pragma once

#include <nlohmann/json.hpp>

#include "isoform/serve/version.h"

namespace isoform {

/// What an edit made, and what is told of it.
struct Edited {
  Model<float> model;
  nlohmann::json
      told;  // widths and parameters before and after, change of the outputs, on what it was judged
};

/// `samples` standardised, of all inputs one below the other: those of the request, or what was asked lately; without columns: random
/// numbers are taken (`samples_name` says which they are). Computes on a copy; the version is not changed.
///
///   shrink        one of tolerance, widths, parameters (topology/reduction.h); with samples by their jacobian and with a refit
///   grow          space (a hidden layer, from 1), by, group_size: the same function
///   rotate        space, kind (left, right, random): the same function
///   append_class  name or names, task: outputs that begin at 0; the others keep their bits (model/blocks.h)
///
/// HttpError 422 for what does not fit, with how to mend it; 409 where nothing can go within a tolerance.
Edited edit(const Version& version, const nlohmann::json& wish, Matrix<float> samples,
            const std::string& samples_name);

}  // namespace isoform
