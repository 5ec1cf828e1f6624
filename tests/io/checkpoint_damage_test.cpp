// Checkpoints whose sum is right and whose parts do not fit together: refused, none crashes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/io/checkpoint.h"
#include "isoform/io/checkpoint_words.h"
#include "monitor/folder.h"
#include "tests/support/blobs.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using nlohmann::json;
using ::testing::HasSubstr;

TensorFile sample() {
  static const std::string bytes = [] {
    const auto engine = create_engine<double>({.threads = 1});
    const TaskData data = {"blobs", blobs(1, 120, 8, 3), {}};
    Model<double> model = blob_model<double>(data.training, {6, 5});
    TrainSettings settings;
    settings.batch_size = 20;
    settings.adapt.enabled = true;
    settings.adapt.policy.rule = PolicyRule::effect;
    settings.adapt.per_epoch = 1;
    std::string taken;
    Trainer<double> trainer(model, {data}, settings, *engine);
    trainer.on_checkpoint(0, [&](TrainerState<double> state) {
      if (state.step == 9) taken = serialise_checkpoint<double>({std::move(state), {}, "", ""});
    });
    while (trainer.run_epoch()) {
    }
    return taken;
  }();
  return parse_tensors(bytes, "x");
}

std::string refusal(TensorFile file, const json& about) {
  file.metadata[detail::kCheckpointKey] = about.dump();
  file.metadata[detail::kSumKey] = detail::checkpoint_sum(file);
  const std::string bytes = serialise(file);
  return message_of<FormatError>([&] { parse_checkpoint<double>(bytes, "bad.ckpt"); });
}

json words(const TensorFile& file) { return json::parse(file.metadata.at(detail::kCheckpointKey)); }

TEST(CheckpointDamage, EveryTensorIsNeededInItsShape) {
  const TensorFile file = sample();
  for (const auto& [name, tensor] : file.tensors) {
    TensorFile without = file;
    without.tensors.erase(name);
    EXPECT_THAT(refusal(without, words(file)), HasSubstr(name + " is missing"));
    if (tensor.size() < 2) continue;
    TensorFile other = file;
    other.tensors[name] = {{1, 2}, std::vector<double>{1, 2}};
    const std::string said = refusal(other, words(file));
    EXPECT_THAT(said, HasSubstr("the file is damaged")) << name;
  }
  TensorFile more = file;
  more.tensors["x"] = {{1}, std::vector<double>{1}};
  EXPECT_THAT(refusal(more, words(file)), HasSubstr("x belongs to nothing"));
}

// Each value in the words replaced by others: read or refused.
TEST(CheckpointDamage, WordsAreReadOrRefused) {
  const TensorFile file = sample();
  const json all = words(file).flatten();
  Dice dice(1, 95);
  int refused = 0, tried = 0;
  for (const auto& [pointer, value] : all.items()) {
    if (pointer.find("/history/") != std::string::npos && dice.between(0, 9) > 0) continue;
    const std::vector<json> others = {-1, 1e300, 1LL << 40, "x", nullptr, json::array(), 7};
    for (int k = 0; k < 3; ++k) {
      json changed = words(file);
      changed[json::json_pointer(pointer)] =
          others[static_cast<std::size_t>(dice.between(0, std::ssize(others) - 1))];
      TensorFile damaged = file;
      damaged.metadata[detail::kCheckpointKey] = changed.dump();
      damaged.metadata[detail::kSumKey] = detail::checkpoint_sum(damaged);
      const std::string bytes = serialise(damaged);
      ++tried;
      try {
        (void)parse_checkpoint<double>(bytes, "bad.ckpt");
      } catch (const FormatError& error) {
        ++refused;
        EXPECT_THAT(error.what(), HasSubstr("bad.ckpt"));
      }
    }
  }
  EXPECT_GT(refused, tried / 2);
}

}  // namespace
}  // namespace isoform
