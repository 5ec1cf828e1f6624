// Tasks and inputs come and go: what happens to a model when one is added, removed, renamed, switched or frozen.
// docs/tasks.md; docs/mathematics.md 8.
//
// Every task has an output space of its own and one map to it, every input a space and a map, so that the
// arithmetic of what stays is untouched: logits of other tasks keep their bits. Nothing here trains.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/model/model.h"

namespace isoform {

/// An input to be added: raw columns with their mean and deviation.
struct NewInput {
  Input input;
  Vector<double> mean, deviation;
  Index image_rows = 0, image_cols = 0;
};

/// How the weights of something new begin.
enum class Start {
  zero,    // unheard: exact even for samples that bring values for it
  random,  // as in a fresh network, keyed by (seed, map): for what no old task reads or answers with
};

/// Adds an input. Throws UsageError for a name that is taken, empty or not UTF-8 text on one line, or for no features.
template <class T>
void append_input(Model<T>& model, const NewInput& input, Start start, std::uint64_t seed);

/// Adds a task with a head of its own, which begins at random weights. Throws UsageError for a name that is
/// taken, outputs named twice or fewer than one, an unknown input, a weight that is not above 0.
template <class T>
void append_task(Model<T>& model, const Task& task, std::uint64_t seed);

/// Removes a task with its head, and inputs that no other task reads. Exact for all others. Throws UsageError for
/// an unknown name and for the last task.
template <class T>
void remove_task(Model<T>& model, std::string_view name);

/// Throws UsageError for an unknown name and for one that is taken.
template <class T>
void rename_task(Model<T>& model, std::string_view name, const std::string& to);
template <class T>
void rename_input(Model<T>& model, std::string_view name, const std::string& to);

/// Freezes (or thaws) every group that there is now, and every linear space between: what they compute is no longer trained, edits leave them alone, and what
/// grows later is not heard by them.
template <class T>
void freeze_trunk(Model<T>& model, bool frozen);
/// The same for the head of one task.
template <class T>
void freeze_head(Model<T>& model, std::string_view task, bool frozen);

/// Gives a model that has none names for its input and its task.
template <class T>
void name_parts(Model<T>& model, const std::string& name);

/// Throws UsageError, beginning with `what`, unless a name is UTF-8 text on one line.
void require_name(std::string_view what, std::string_view name);

}  // namespace isoform
