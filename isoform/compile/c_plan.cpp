#include "isoform/compile/c_plan.h"

#include <algorithm>
#include <utility>

namespace isoform::detail {

namespace {

bool contains(const std::vector<int>& list, int id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

// By id of the stage: whether an output depends on it.
std::vector<char> needed_stages(const Network<float>& network, const std::vector<int>& outputs,
                                const std::vector<int>& absent) {
  std::vector<char> needed(network.stage_ids(), 0);
  for (const int id : outputs) needed[static_cast<std::size_t>(id)] = 1;
  const std::vector<Stage>& stages = network.stages();
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) {
    if (needed[static_cast<std::size_t>(stage->id)] == 0) continue;
    if (stage->before >= 0) needed[static_cast<std::size_t>(stage->before)] = 1;
    for (const Map<float>& map : network.maps()) {
      if (network.writes(map.id) != stage->id) continue;
      if (!contains(absent, map.from)) {
        needed[static_cast<std::size_t>(network.reads(map.id))] = 1;
      }
      for (const int gate : map.factors) needed[static_cast<std::size_t>(gate)] = 1;
    }
  }
  return needed;
}

struct Place {
  Index offset = 0, size = 0;
  std::size_t until = 0;
};

// The lowest place that nobody holds.
Index first_fit(std::vector<Place>& held, Index size, std::size_t now, std::size_t until) {
  std::erase_if(held, [now](const Place& place) { return place.until < now; });
  std::sort(held.begin(), held.end(),
            [](const Place& a, const Place& b) { return a.offset < b.offset; });
  Index offset = 0;
  for (const Place& place : held) {
    if (offset + size <= place.offset) break;
    offset = std::max(offset, place.offset + place.size);
  }
  held.push_back({offset, size, until});
  return offset;
}

}  // namespace

Index augmented_size(const Network<float>& network, int space) {
  return network.space(space).dimension + 1 + network.features(space);
}

CPlan plan_c(const Network<float>& network, const Route& route) {
  CPlan plan;
  const std::vector<int> outputs = route.outputs.empty() ? network.outputs() : route.outputs;
  for (const int id : network.inputs()) {
    const bool brought = route.inputs.empty() || contains(route.inputs, id);
    (brought ? plan.inputs : plan.absent).push_back(id);
  }
  const std::vector<char> needed = needed_stages(network, outputs, plan.absent);
  std::vector<std::size_t> position(network.stage_ids(), 0);
  for (const Stage& stage : network.stages()) {
    if (needed[static_cast<std::size_t>(stage.id)] == 0) continue;
    position[static_cast<std::size_t>(stage.id)] = plan.stages.size();
    plan.stages.push_back(
        {&stage, contains(plan.inputs, stage.space), contains(outputs, stage.space), 0});
  }
  // Until when each space is read.
  std::vector<std::size_t> until(network.space_ids(), 0);
  for (std::size_t at = 0; at < plan.stages.size(); ++at) {
    until[static_cast<std::size_t>(plan.stages[at].stage->space)] = at;
    for (const Map<float>& map : network.maps()) {
      if (network.writes(map.id) != plan.stages[at].stage->id) continue;
      std::size_t& end = until[static_cast<std::size_t>(map.from)];
      end = std::max(end, at);
    }
  }
  std::vector<Place> held;
  for (std::size_t at = 0; at < plan.stages.size(); ++at) {
    CStage& stage = plan.stages[at];
    const Space<float>& space = network.space(stage.stage->space);
    if (stage.stage->before >= 0) {
      stage.offset = plan.stages[position[static_cast<std::size_t>(stage.stage->before)]].offset;
    } else if (stage.output) {
      stage.offset = plan.outputs;
      plan.outputs += space.dimension;
    } else if (space.dimension > 0) {  // else the constant 1, whose maps are biases
      const Index size = augmented_size(network, space.id);
      stage.offset = first_fit(held, size, at, until[static_cast<std::size_t>(space.id)]);
      plan.memory = std::max(plan.memory, stage.offset + size);
    }
  }
  return plan;
}

}  // namespace isoform::detail
