// The data of the tasks in a run, and where each stands in its epoch. Private to the trainer.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "isoform/train/objective.h"
#include "isoform/train/trainer.h"
#include "isoform/train/trainer_state.h"

namespace isoform {

/// A task that has data, and where its epoch stands.
struct Course {
  TaskData data;
  Route route;
  Index batch = 0;
  std::vector<std::uint32_t> order;
  std::size_t next = 0;
  std::uint64_t rounds = 0;  // passes over the data, this one included
  BatchScore total;          // of the epoch so far
};

/// Positions of the tasks that are trained, in the model's order. A task that is alone is on.
template <class T>
std::vector<std::size_t> active_tasks(const Model<T>& model);

class Courses {
 public:
  Courses(std::vector<TaskData> data, Index batch_size, std::uint64_t seed,
          Scaling scaling = Scaling::automatic)
      : data_(std::move(data)), batch_size_(batch_size), seed_(seed), scaling_(scaling) {}
  /// Of inputs that tasks bring with them.
  [[nodiscard]] Scaling scaling() const { return scaling_; }

  /// The data of that name. Null: none.
  [[nodiscard]] const TaskData* find_data(const std::string& name) const;
  [[nodiscard]] const std::vector<TaskData>& data() const { return data_; }
  /// Adds data, in the place of those of that name.
  void add_data(const TaskData& data);
  /// Throws UsageError unless the data that a change needs are there.
  void require_data(const TaskChange& change) const;

  /// Gives a task the data of that name. Throws UsageError where there are none or they do not fit.
  template <class T>
  void begin(const Model<T>& model, const std::string& task, const std::string& data_name);
  void remove(const std::string& task) { courses_.erase(task); }
  void rename(const std::string& task, const std::string& to);

  [[nodiscard]] bool has(const std::string& task) const { return courses_.contains(task); }
  Course& of(const std::string& task) { return courses_.at(task); }
  /// By the task's name.
  [[nodiscard]] const std::map<std::string, Course>& all() const { return courses_; }

  /// Follows the model after tasks have changed. Returns the steps of an epoch: those of the largest set that is on.
  template <class T>
  std::int64_t follow(const Model<T>& model);
  /// Training samples of all tasks that are on.
  template <class T>
  [[nodiscard]] Index samples(const Model<T>& model) const;
  /// Begins a pass over the data of a task.
  void shuffle(Course& course) const;
  /// The next samples of a task; begins another pass where one has ended. Valid until the next call.
  std::span<const std::uint32_t> next_batch(Course& course) const;

  /// What every task is at, to go on from.
  [[nodiscard]] std::vector<CourseState> state() const;
  /// Begins the courses of a state where they were. Throws UsageError as begin() does, and for places that no data have.
  template <class T>
  void restore(const Model<T>& model, const std::vector<CourseState>& states);

 private:
  std::vector<TaskData> data_;
  Index batch_size_;
  std::uint64_t seed_;
  Scaling scaling_;
  std::map<std::string, Course> courses_;
};

}  // namespace isoform
