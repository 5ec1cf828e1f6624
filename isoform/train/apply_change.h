// Changes of a model's tasks, rehearsed and made. Private to the trainer.
#pragma once

#include "isoform/train/courses.h"

namespace isoform {

/// Changes the model and its courses. Throws UsageError where the data do not fit.
template <class T>
void apply_change(Model<T>& model, Courses& courses, const TaskChange& change, std::uint64_t seed);

/// Throws UsageError if everything is frozen. Model by reference, as windows on its parameters are taken.
template <class T>
void require_training(Model<T>& model);

/// Planned changes are judged by what each epoch would train. Live ones come one by one: that is judged when an epoch
/// begins.
enum class Moment { planned, live };

/// Makes changes on copies. Throws UsageError, naming the change, at the first that can't be.
template <class T>
void rehearse_changes(const Model<T>& model, const Courses& courses,
                      const std::vector<TaskChange>& changes, std::uint64_t seed, Moment moment);

/// Logits of every task that has data, but one, on the first of its samples. By task.
template <class T>
std::map<std::string, Matrix<T>> sample_outputs(const Model<T>& model, const Courses& courses,
                                                const std::string& but, Engine<T>& engine);

/// Training samples on which a change of the outputs is measured, 4,000 at most: as many of each task that is on, mixed, all
/// inputs one below the other.
template <class T>
Matrix<T> judging_samples(const Model<T>& model, const Courses& courses, std::uint64_t seed);

}  // namespace isoform
