// Models of every kind that a network can be, for headers in C.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/general_models.h"
#include "isoform/topology/perceptron.h"
#include "tests/support/networks.h"
#include "tests/support/perceptrons.h"

namespace isoform::testing {

struct NamedModel {
  std::string what;
  Model<float> model;
};

/// A random transform of raw values.
inline Model<float> raw_model(const Network<double>& network, std::uint64_t seed) {
  Model<float> model;
  model.network = cast_network<float>(network);
  Dice dice(seed, 140);
  const Index n = inputs_of(model);
  Vector<double> mean(n), deviation(n);
  for (Index i = 0; i < n; ++i) {
    mean[i] = dice.uniform(-20, 150);
    deviation[i] = dice.uniform(1, 60);
  }
  model.set_transform(mean, deviation);
  return model;
}

inline void impose_by_chance(Network<double>& network, std::uint64_t seed) {
  Dice dice(seed, 141);
  for (const Map<double>& m : network.maps()) {
    impose_structure(network, m.id, static_cast<Structure>(dice.between(0, 2)));
  }
}

/// Some sixty: chains of all modes, profiles and sparse forms, graphs, streams, residual networks, perceptrons in one stage
/// and two, several inputs and tasks.
inline std::vector<NamedModel> models_of_every_kind() {
  std::vector<NamedModel> all;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Network<double> network = random_network(seed, {.most_hidden = 4, .widest = 24});
    if (seed % 2 == 1) impose_by_chance(network, seed);
    all.push_back({describe(network, seed), raw_model(network, seed)});
  }
  for (int radial = 0; radial < 5; ++radial) {
    const auto seed = static_cast<std::uint64_t>(radial);
    Network<double> network =
        graph_network(seed, static_cast<Radial>(radial), static_cast<LengthMode>(radial % 4),
                      static_cast<PsiMode>(radial), static_cast<PsiMode>(4 - radial));
    if (radial % 2 == 1) impose_by_chance(network, seed);
    all.push_back({"graph " + std::to_string(radial), raw_model(network, seed)});
  }
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const std::string at = std::to_string(seed);
    all.push_back({"streams " + at, raw_model(random_streams(seed), seed)});
    all.push_back({"residual " + at, raw_model(random_residual(seed), seed)});
    const Network<double> chain = random_whole_chain(seed, 1 + static_cast<Index>(seed % 4));
    all.push_back({"whole chain " + at, raw_model(chain, seed)});
    all.push_back({"one stage " + at, raw_model(convert(chain, Stages::one), seed)});
    all.push_back({"two stages " + at, raw_model(convert(chain, Stages::two), seed)});
    all.push_back(
        {"perceptron " + at, perceptron_model<float>(seed, 1 + static_cast<Index>(seed % 4))});
    all.push_back({"skipping " + at, skipping_model<float>(seed)});
    all.push_back({"random perceptron " + at,
                   raw_model(random_perceptron({.inputs = 7,
                                                .outputs = 3,
                                                .gates = {5, 9, 4},
                                                .general = seed % 2 == 0,
                                                .two_stage = seed % 3 == 0,
                                                .radial = static_cast<Radial>(seed % 5),
                                                .seed = seed}),
                             seed)});
  }
  all.push_back({"tasks", layered_model<float>({{5, 3, 4}, {12, 9}, {4, 2, 3}}, 3)});
  all.push_back({"sparse", sparse_model<float>(2)});
  ChainSettings wide = chain_of({300, 290, 20, 10}, 0);
  all.push_back({"wide", random_model<float>(wide, 4)});
  return all;
}

}  // namespace isoform::testing
