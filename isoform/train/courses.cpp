#include "isoform/train/courses.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/data/split.h"
#include "isoform/train/evaluate.h"

namespace isoform {

template <class T>
std::vector<std::size_t> active_tasks(const Model<T>& model) {
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    if (model.tasks[i].active || model.tasks.size() == 1) list.push_back(i);
  }
  return list;
}

const TaskData* Courses::find_data(const std::string& name) const {
  const auto found =
      std::find_if(data_.rbegin(), data_.rend(), [&](const TaskData& d) { return d.name == name; });
  return found == data_.rend() ? nullptr : &*found;
}

void Courses::add_data(const TaskData& data) {
  std::erase_if(data_, [&](const TaskData& d) { return d.name == data.name; });
  data_.push_back(data);
}

void Courses::require_data(const TaskChange& change) const {
  const bool append = change.action == TaskAction::append;
  if (!append && (change.action != TaskAction::change || change.data.empty())) return;
  const std::string& name = change.data.empty() ? change.task : change.data;
  const TaskData* data = find_data(name);
  if (data != nullptr && data->training.samples() > 0) return;
  throw UsageError(fmt::format("change '{}': there are no training data called '{}' for it",
                               change.text(), name));
}

template <class T>
void Courses::begin(const Model<T>& model, const std::string& task, const std::string& data_name) {
  // A model of one task takes the data there are, whatever they are called.
  const TaskData* data = find_data(data_name);
  if (data == nullptr && model.tasks.size() == 1 && data_.size() == 1) data = &data_.front();
  if (data == nullptr) {
    throw UsageError(
        fmt::format("task '{}': is on, but there are no data called '{}' for it; give "
                    "some, or switch it off",
                    task, data_name));
  }
  if (data->training.samples() < 1) {
    throw UsageError("training data: needs at least 1 sample, got 0");
  }
  const std::size_t index = model.task_index(task);
  require_fitting(model, data->training, true, index);
  if (!data->validation.empty()) require_fitting(model, data->validation, true, index);
  Course course;
  course.data = *data;
  course.batch = std::min(batch_size_, data->training.samples());
  courses_[task] = std::move(course);
}

void Courses::rename(const std::string& task, const std::string& to) {
  auto course = courses_.extract(task);
  if (course.empty()) return;
  course.key() = to;
  courses_.insert(std::move(course));
}

template <class T>
std::int64_t Courses::follow(const Model<T>& model) {
  // With one input and one task, every space takes part.
  const bool plain = model.tasks.size() == 1 && model.network.inputs().size() == 1;
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < model.tasks.size(); ++i) {
    const auto found = courses_.find(model.tasks[i].name);
    if (found == courses_.end()) continue;
    found->second.route = plain ? Route{} : model.route(i);
  }
  for (const std::size_t i : active_tasks(model)) {
    const Course& course = courses_.at(model.tasks[i].name);
    const Index samples = course.data.training.samples();
    steps = std::max<std::int64_t>(steps, (samples + course.batch - 1) / course.batch);
  }
  return steps;
}

template <class T>
Index Courses::samples(const Model<T>& model) const {
  Index count = 0;
  for (const std::size_t i : active_tasks(model)) {
    count += courses_.at(model.tasks[i].name).data.training.samples();
  }
  return count;
}

void Courses::shuffle(Course& course) const {
  course.next = 0;
  course.order = epoch_order(static_cast<std::uint32_t>(course.data.training.samples()), seed_,
                             ++course.rounds);
}

std::span<const std::uint32_t> Courses::next_batch(Course& course) const {
  if (course.next >= course.order.size()) shuffle(course);
  const std::size_t first = course.next;
  const std::size_t count =
      std::min(course.order.size() - first, static_cast<std::size_t>(course.batch));
  course.next += count;
  return std::span<const std::uint32_t>(course.order).subspan(first, count);
}

std::vector<CourseState> Courses::state() const {
  std::vector<CourseState> states;
  for (const auto& [task, course] : courses_) {
    states.push_back({task, course.data.name, course.rounds, course.next, course.total});
  }
  return states;
}

template <class T>
void Courses::restore(const Model<T>& model, const std::vector<CourseState>& states) {
  courses_.clear();
  for (const CourseState& state : states) {
    begin(model, state.task, state.data);
    Course& course = courses_.at(state.task);
    if (state.rounds > 0) {
      course.rounds = state.rounds - 1;
      shuffle(course);
    }
    if (state.next > course.order.size()) {
      throw UsageError(fmt::format("task '{}': needs a place among its {} samples, got {}",
                                   state.task, course.order.size(), state.next));
    }
    course.next = state.next;
    course.total = state.total;
  }
  for (const std::size_t i : active_tasks(model)) {
    const std::string& task = model.tasks[i].name;
    if (!has(task)) throw UsageError(fmt::format("task '{}': is on, and has no place", task));
  }
}

#define ISOFORM_FOR_SCALAR(T)                                                            \
  template std::vector<std::size_t> active_tasks(const Model<T>&);                       \
  template void Courses::begin(const Model<T>&, const std::string&, const std::string&); \
  template std::int64_t Courses::follow(const Model<T>&);                                \
  template Index Courses::samples(const Model<T>&) const;                                \
  template void Courses::restore(const Model<T>&, const std::vector<CourseState>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
