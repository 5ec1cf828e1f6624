#include "isoform/monitor/run_memory.h"

#include <fmt/format.h>

#include "isoform/base/error.h"
#include "isoform/monitor/event_fields.h"

namespace isoform {

namespace {

constexpr std::size_t kMostSteps = 4096;

nlohmann::json event_json(const Event& event) {
  return {event.type, event.step, event.epoch, event.time_s, event.data};
}

Event parse_event(const nlohmann::json& value, const std::string& where) {
  if (!value.is_array() || value.size() != 5 || !value[0].is_string() ||
      !value[1].is_number_integer() || !value[2].is_number_integer() || !value[3].is_number() ||
      !(value[4].is_object() || value[4].is_null())) {
    throw FormatError(fmt::format("{}: needs events, got something else", where));
  }
  return {value[0].get<std::string>(), value[1].get<std::int64_t>(), value[2].get<int>(),
          value[3].get<double>(), value[4]};
}

}  // namespace

void RunMemory::operator()(const Event& event) {
  if (event.type == "checkpoint") return;
  if (event.type != "step") {
    others_.push_back(event);
    return;
  }
  if (++skipped_ < stride_) return;
  skipped_ = 0;
  Event kept = event;
  kept.data = {{"loss", detail::number_of(event.data, "loss")}};
  steps_.push_back({others_.size(), std::move(kept)});
  if (steps_.size() > kMostSteps) thin();
}

Observer RunMemory::observer() {
  return [this](const Event& event) { (*this)(event); };
}

void RunMemory::thin() {
  std::vector<Step> half;
  for (std::size_t i = 0; i < steps_.size(); i += 2) half.push_back(std::move(steps_[i]));
  steps_ = std::move(half);
  stride_ *= 2;
}

std::vector<Event> RunMemory::events() const {
  std::vector<Event> all;
  auto step = steps_.begin();
  for (std::size_t i = 0; i <= others_.size(); ++i) {
    for (; step != steps_.end() && step->after <= i; ++step) all.push_back(step->event);
    if (i < others_.size()) all.push_back(others_[i]);
  }
  return all;
}

nlohmann::json RunMemory::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Event& event : events()) list.push_back(event_json(event));
  return {{"stride", stride_}, {"events", std::move(list)}};
}

void RunMemory::restore(const nlohmann::json& value, const std::string& where) {
  const auto events = value.find("events");
  const std::int64_t stride = detail::integer_of(value, "stride");
  if (!value.is_object() || events == value.end() || !events->is_array() || stride < 1) {
    throw FormatError(fmt::format("{}: needs what a run has told, got something else", where));
  }
  others_.clear();
  steps_.clear();
  for (const nlohmann::json& entry : *events) {
    Event event = parse_event(entry, where);
    if (event.type == "step") {
      steps_.push_back({others_.size(), std::move(event)});
    } else {
      others_.push_back(std::move(event));
    }
  }
  stride_ = stride;
  skipped_ = 0;
}

}  // namespace isoform
