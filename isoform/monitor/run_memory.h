// What a run has told so far, to be told again: a run that is resumed has a summary and a picture of the whole.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "isoform/train/event.h"

namespace isoform {

/// Keeps events but `checkpoint`; of `step` the loss, and at most 4,096 of them: beyond that every second goes. Must
/// outlive the observer.
class RunMemory {
 public:
  RunMemory() = default;
  RunMemory(const RunMemory&) = delete;  // a copy given to a trainer would learn, not this one
  RunMemory& operator=(const RunMemory&) = delete;

  void operator()(const Event& event);
  Observer observer();

  /// The events, in order.
  [[nodiscard]] std::vector<Event> events() const;
  /// As a value, and from one. Throws FormatError "{where}…" for what is no such value. Numbers that are not finite come back
  /// as null, which readers of events take for them.
  [[nodiscard]] nlohmann::json json() const;
  void restore(const nlohmann::json& value, const std::string& where);

 private:
  void thin();

  // With the number of events before it, so that the order is known.
  struct Step {
    std::size_t after = 0;
    Event event;
  };
  std::vector<Event> others_;
  std::vector<Step> steps_;
  std::int64_t stride_ = 1, skipped_ = 0;  // one of `stride_` is kept
};

}  // namespace isoform
