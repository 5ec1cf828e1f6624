// The studies there are. A row says only what differs from the common settings of its study.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/study/study.h"

namespace isoform {

namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

Words joined(Words common, const Words& own) {
  common.insert(common.end(), own.begin(), own.end());
  return common;
}

const std::vector<double> kRates = {1e-3, 2e-3, 4e-3};
const std::vector<double> kPlainRates = {2.5e-4, 5e-4, 1e-3, 2e-3};

// The same regularisation, epochs and schedule for all; dropout is of groups here and of neurons there.
Study against_plain_networks(const std::string& data) {
  const Words common = {{"data", data},
                        {"epochs", "30"},
                        {"dropout", "0.2"},
                        {"input-dropout", "0.1"},
                        {"label-smoothing", "0.05"},
                        {"adapt", "false"}};
  const Words wide = joined(common, {{"hidden", "512,512"}});
  Study study{"plain-" + data,
              "Isoform beside plain networks, " + data,
              "Groups of 8, whole layers, and ordinary networks of equal widths and epochs.",
              {}};
  study.arms = {
      {"linear", joined(common, {{"hidden", "none"}, {"input-dropout", "0"}}), Activation::relu,
       kPlainRates},
      {"whole layers", joined(wide, {{"group-size", "0"}}), {}, kRates},
      {"groups of 8", joined(wide, {{"group-size", "8"}}), {}, kRates},
      {"groups of 4", joined(wide, {{"group-size", "4"}}), {}, kRates},
      {"groups of 2", joined(wide, {{"group-size", "2"}}), {}, kRates},
      {"elementwise tanh", wide, Activation::tanh, kPlainRates},
      {"ReLU", wide, Activation::relu, kPlainRates},
      {"LayerNorm + GELU", wide, Activation::layernorm_gelu, kPlainRates},
  };
  return study;
}

Study depth() {
  Study study{
      "depth",
      "Depth, Fashion-MNIST",
      "Hidden layers of 128 in groups of 8: a plain chain, with input skips, and around a stream.",
      {}};
  for (const auto& [layers, kind] : {std::pair{3, Architecture::chain},
                                     {12, Architecture::chain},
                                     {24, Architecture::chain},
                                     {12, Architecture::skips},
                                     {24, Architecture::skips},
                                     {3, Architecture::residual},
                                     {12, Architecture::residual},
                                     {24, Architecture::residual}}) {
    const std::vector<int> widths(static_cast<std::size_t>(layers), 128);
    const std::string_view extra = kind == Architecture::skips      ? ", input skips"
                                   : kind == Architecture::residual ? ", residual"
                                                                    : "";
    Arm arm{fmt::format("{} layers{}", layers, extra),
            {{"data", "fashion-mnist"},
             {"epochs", "12"},
             {"adapt", "false"},
             {"hidden", fmt::format("{}", fmt::join(widths, ","))},
             {"architecture", std::string(architecture_name(kind))}},
            {},
            {5e-4, 1e-3, 2e-3}};
    study.arms.push_back(std::move(arm));
  }
  return study;
}

Study starts() {
  Study study{"starts",
              "Different starts, Fashion-MNIST",
              "The default policy from narrow, middling and wide beginnings.",
              {}};
  for (const char* start : {"4,4", "32,32", "512,512"}) {
    study.arms.push_back({fmt::format("from {}", start),
                          {{"data", "fashion-mnist"}, {"epochs", "20"}, {"hidden", start}},
                          {},
                          {}});
  }
  return study;
}

}  // namespace

const std::vector<Study>& studies() {
  static const std::vector<Study> all = {against_plain_networks("fashion-mnist"),
                                         against_plain_networks("mnist"), depth(), starts()};
  return all;
}

const Study& study_by_name(const std::string& name) {
  std::vector<std::string> names;
  for (const Study& study : studies()) {
    if (study.name == name) return study;
    names.push_back(study.name);
  }
  throw UsageError(fmt::format("study: '{}' is unknown; known are {}{}", name,
                               fmt::join(names, ", "), did_you_mean(name, names)));
}

}  // namespace isoform
