// Samples from NumPy, and what a model makes of them.
#pragma once

#include <string>

#include "isoform/data/dataset.h"
#include "isoform/model/model.h"

namespace isoform::python {

/// The data as all inputs of the network one below the other, standardised; 0 where the task reads nothing. UsageError where it
/// has not the features of the task. task "": the only one.
template <class T>
Matrix<T> samples_of(const Model<T>& model, const Dataset& data, const std::string& task);

}  // namespace isoform::python
