// One change of a model's tasks, made. Private to the trainer.
#pragma once

#include "isoform/train/courses.h"

namespace isoform {

/// Changes the model and its courses. Throws UsageError where the data do not fit.
template <class T>
void apply_change(Model<T>& model, Courses& courses, const TaskChange& change, std::uint64_t seed);

/// Logits of every task that has data, but one, on the first of its samples. By task.
template <class T>
std::map<std::string, Matrix<T>> sample_outputs(const Model<T>& model, const Courses& courses,
                                                const std::string& but, Engine<T>& engine);

}  // namespace isoform
