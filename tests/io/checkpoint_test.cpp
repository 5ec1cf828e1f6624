// Checkpoints as files: the same value comes back, and what is damaged or something else is refused with the reason.
#include "isoform/io/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "monitor/folder.h"
#include "tests/support/blobs.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kKey = "isoform-checkpoint";

// Within an epoch, with factors and with statistics half gathered.
const Checkpoint<float>& sample() {
  static const Checkpoint<float> checkpoint = [] {
    const auto engine = create_engine<float>({.threads = 1});
    const TaskData data = {"blobs", blobs(1, 200, 8, 3), blobs(2, 40, 8, 3)};
    Model<float> model = blob_model<float>(data.training, {6, 5});
    TrainSettings settings;
    settings.epochs = 2;
    settings.batch_size = 20;
    settings.adapt.enabled = true;
    settings.adapt.policy.rule = PolicyRule::effect;
    settings.adapt.policy.buffer = 2;
    settings.adapt.per_epoch = 2;
    Checkpoint<float> taken;
    Trainer<float> trainer(model, {data}, settings, *engine);
    trainer.on_checkpoint(0, [&](TrainerState<float> state) {
      if (state.step == 13) taken.state = std::move(state);
    });
    while (trainer.run_epoch()) {
    }
    taken.settings = {{"training", {{"seed", std::numeric_limits<std::uint64_t>::max()}}}};
    taken.extra = "{\"é\": 1}";
    return taken;
  }();
  return checkpoint;
}

std::string message(const std::string& bytes) {
  return message_of<FormatError>([&] { parse_checkpoint<float>(bytes, "bad.ckpt"); });
}

// What is said to a file whose words were changed and whose sum was made again: `honest` false leaves the old sum.
std::string about_refusal(const std::function<void(json&)>& change) {
  TensorFile file = parse_tensors(serialise_checkpoint(sample()), "x");
  json about = json::parse(file.metadata[kKey]);
  change(about);
  file.metadata[kKey] = about.dump();
  return message(serialise(file));
}

TEST(Checkpoint, ComesBackAsItWas) {
  Checkpoint<float> odd = sample();
  odd.state.message = "\xff\xfe not text";
  odd.state.validation_accuracy = std::numeric_limits<double>::quiet_NaN();
  odd.state.optimiser.parameters.begin()->second.first(0, 0) =
      -std::numeric_limits<float>::infinity();
  odd.state.model.network.space(1).length[0] *= -1;
  odd.state.courses.front().total.loss = std::numeric_limits<double>::infinity();
  const std::string bytes = serialise_checkpoint(odd);
  const Checkpoint<float> read = parse_checkpoint<float>(bytes, "x");
  EXPECT_EQ(serialise_checkpoint(read), bytes);
  EXPECT_EQ(read.settings, odd.settings);
  EXPECT_EQ(read.extra, odd.extra);
  EXPECT_FALSE(read.version.empty());
  EXPECT_EQ(read.state.message, odd.state.message);
  EXPECT_TRUE(std::isnan(read.state.validation_accuracy));
  EXPECT_EQ(read.state.model.network.space(1).length, odd.state.model.network.space(1).length);
  EXPECT_TRUE(read.state.last_good.has_value());
  EXPECT_GT(read.state.adaptation.statistics.samples(), 0);
  EXPECT_EQ(read.state.data, odd.state.data);
}

TEST(Checkpoint, OtherFilesAreToldApart) {
  EXPECT_THAT(message(serialise_model(sample().state.model)),
              AllOf(StartsWith("'bad.ckpt'"), HasSubstr("not a checkpoint but a model"),
                    HasSubstr("--checkpoint")));
  EXPECT_THAT(message(serialise(TensorFile{})), HasSubstr("another safetensors file"));
  EXPECT_THAT(message("hello"), HasSubstr("not a safetensors file"));
  EXPECT_THAT(message(""), HasSubstr("not a safetensors file"));
  EXPECT_THAT(message_of<FormatError>(
                  [] { parse_checkpoint<double>(serialise_checkpoint(sample()), "bad.ckpt"); }),
              AllOf(HasSubstr("a run in F32"), HasSubstr("F64")));
  EXPECT_THAT(about_refusal([](json& about) { about["format"] = kCheckpointFormat + 1; }),
              AllOf(HasSubstr("of format 2, this Isoform reads 1"), HasSubstr("--resume")));
  const std::string bytes = serialise_checkpoint(sample());
  EXPECT_THAT(message_of<FormatError>([&] { parse_model<float>(bytes, "x"); }),
              HasSubstr("not an Isoform model"));
}

TEST(Checkpoint, EveryChangedByteIsNoticed) {
  const std::string bytes = serialise_checkpoint(sample());
  for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 500) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_THROW(parse_checkpoint<float>(damaged, "bad.ckpt"), FormatError) << at;
    EXPECT_THROW(parse_checkpoint<float>(bytes.substr(0, at), "bad.ckpt"), FormatError) << at;
  }
  EXPECT_THAT(about_refusal([](json& about) { about["run"]["step"] = 14; }),
              AllOf(HasSubstr("damaged"), HasSubstr("begin anew without --resume")));
}

TEST(Checkpoint, SettingsAreComparedByName) {
  const json then = {{"training", {{"epochs", 4}, {"gone", 1}}}, {"change", {1}}};
  const json now = {{"training", {{"epochs", 5}, {"new", "x"}}}, {"change", {1}}};
  const std::vector<Difference> all = setting_differences(then, now);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].text(), "training.epochs: 4 in the checkpoint, 5 now");
  EXPECT_EQ(all[1].text(), "training.gone: 1 in the checkpoint, not there now");
  EXPECT_EQ(all[2].text(), "training.new: not there in the checkpoint, \"x\" now");
  EXPECT_EQ(setting_differences(then, {{"training", then["training"]}}).front().text(),
            "change: [1] in the checkpoint, not there now");
  EXPECT_TRUE(setting_differences(then, then).empty());
}

}  // namespace
}  // namespace isoform
