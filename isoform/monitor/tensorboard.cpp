// The format, as TensorFlow's sources have it. A file is a sequence of records (core/lib/io/record_writer.h):
//
//   uint64 length, uint32 masked CRC of those 8 bytes, the message, uint32 masked CRC of the message
//
// little-endian, with masked(c) = (c >> 15 | c << 17) + 0xa282ead8 of the CRC-32C. A message is a protocol buffer; of
// its fields these are written:
//
//   Event           1 wall_time double, 2 step int64, 3 file_version string, 5 summary Summary   (core/util/event.proto)
//   Summary         1 value, repeated Value                                                (core/framework/summary.proto)
//   Summary.Value   1 tag string, 2 simple_value float, 5 histo HistogramProto
//   HistogramProto  1 min, 2 max, 3 num, 4 sum, 5 sum_squares double; 6 bucket_limit, 7 bucket repeated double (packed)
//
// A field is a varint of number << 3 | type, then by type: 0 a varint, 1 eight bytes, 2 a length and bytes, 5 four bytes.
#include "isoform/monitor/tensorboard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/monitor/event_fields.h"
#include "isoform/monitor/write_all.h"

namespace isoform {
namespace {

using detail::number_of;
using nlohmann::json;

// Enough to see the gap between what matters and what does not.
constexpr int kBuckets = 30;

template <class Integer>
void put_bytes(std::string& out, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 128; value >>= 7)
    out += static_cast<char>(static_cast<unsigned char>(value | 128));
  out += static_cast<char>(value);
}

void put_key(std::string& out, unsigned field, unsigned type) {
  put_varint(out, field << 3 | type);
}

void put_double(std::string& out, unsigned field, double value) {
  put_key(out, field, 1);
  put_bytes(out, std::bit_cast<std::uint64_t>(value));
}

void put_text(std::string& out, unsigned field, std::string_view text) {
  put_key(out, field, 2);
  put_varint(out, text.size());
  out += text;
}

void put_doubles(std::string& out, unsigned field, const std::vector<double>& values) {
  std::string packed;
  for (const double value : values) put_bytes(packed, std::bit_cast<std::uint64_t>(value));
  put_text(out, field, packed);
}

std::string record(std::string_view message) {
  const auto masked = [](std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8U; };
  std::string out;
  put_bytes(out, static_cast<std::uint64_t>(message.size()));
  put_bytes(out, masked(detail::crc32c(out)));
  out += message;
  put_bytes(out, masked(detail::crc32c(message)));
  return out;
}

// Equal buckets between the least and the largest value; nothing where no value is finite.
std::string histogram(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return {};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double least = *low, most = *high, width = (most - least) / kBuckets;
  const bool flat = !(width > 0);
  std::vector<double> limits, counts(flat ? 1 : kBuckets, 0.0);
  for (std::size_t i = 1; i < counts.size(); ++i) {
    limits.push_back(least + width * static_cast<double>(i));
  }
  limits.push_back(most);
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
    const auto at = std::lower_bound(limits.begin(), limits.end(), value) - limits.begin();
    ++counts[std::min(static_cast<std::size_t>(at), counts.size() - 1)];
  }
  std::string out;
  put_double(out, 1, least);
  put_double(out, 2, most);
  put_double(out, 3, static_cast<double>(values.size()));
  put_double(out, 4, sum);
  put_double(out, 5, squares);
  put_doubles(out, 6, limits);
  put_doubles(out, 7, counts);
  return out;
}

// NaN for what is not finite or no float.
float rounded(double value) {
  return std::abs(value) <= std::numeric_limits<float>::max()
             ? static_cast<float>(value)
             : std::numeric_limits<float>::quiet_NaN();
}

// The Summary of one event.
class Summary {
 public:
  std::string bytes;

  void scalar(const std::string& tag, double value) {
    if (const float number = rounded(value); !std::isnan(number)) put(tag, number);
  }
  // A loss of training: NaN where the run broke, which TensorBoard marks.
  void loss(const std::string& tag, const json& data, const char* key) {
    const auto found = data.find(key);
    if (found == data.end() || !found->is_number()) return;
    put(tag, rounded(found->get<double>()));
  }
  void widths(const json& data) {
    const auto widths = detail::integers_of(data, "widths");
    for (std::size_t s = 1; s + 1 < widths.size(); ++s)
      width(static_cast<std::int64_t>(s), widths[s]);
  }
  void width(std::int64_t space, std::int64_t value) {
    scalar(fmt::format("width/space_{}", space), static_cast<double>(value));
  }
  void spectrum(const json& space) {
    if (!space.is_object()) return;
    const auto found = space.find("values");
    if (found == space.end() || !found->is_array()) return;
    std::vector<double> values;
    for (const json& value : *found) {
      if (value.is_number()) values.push_back(value.get<double>());
    }
    const std::string histo = histogram(std::move(values));
    if (histo.empty()) return;
    std::string entry;
    put_text(entry, 1, fmt::format("spectrum/space_{}", detail::integer_of(space, "space")));
    put_text(entry, 5, histo);
    put_text(bytes, 1, entry);
  }

 private:
  void put(const std::string& tag, float value) {
    std::string entry;
    put_text(entry, 1, tag);
    put_key(entry, 2, 5);
    put_bytes(entry, std::bit_cast<std::uint32_t>(value));
    put_text(bytes, 1, entry);
  }
};

// Tags are text: bytes that are not UTF-8 would make the whole record unreadable.
std::string utf8(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace))
      .get<std::string>();
}

void put_scores(Summary& out, const json& data, const std::string& behind) {
  out.loss("loss/train" + behind, data, "train_loss");
  out.scalar("loss/validation" + behind, number_of(data, "validation_loss"));
  out.scalar("accuracy/train" + behind, number_of(data, "train_accuracy"));
  out.scalar("accuracy/validation" + behind, number_of(data, "validation_accuracy"));
}

void put_epoch(Summary& out, const json& data) {
  put_scores(out, data, "");
  const auto tasks = data.find("tasks");
  if (tasks != data.end() && tasks->is_array() && tasks->size() > 1) {
    for (const json& task : *tasks) {
      if (!task.is_object()) continue;
      json scores = task;
      // A task that is off trains nothing, which is no breakdown.
      if (const auto on = task.find("active"); on != task.end() && *on == false)
        scores.erase("train_loss");
      put_scores(out, scores, "/" + utf8(detail::string_of(task, "name")));
    }
  }
  out.scalar("learning_rate", number_of(data, "learning_rate"));
}

}  // namespace

namespace detail {

std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
      made[i] = crc;
    }
    return made;
  }();
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(byte)) & 0xffU];
  }
  return ~crc;
}

}  // namespace detail

TensorBoard::TensorBoard(const std::filesystem::path& folder, std::optional<double> began) {
  const auto refuse = [&folder](int error) {
    throw FileError(fmt::format(
        "cannot write TensorBoard's events into '{}': {}; {}", folder.string(),
        std::strerror(error),
        error == ENOTDIR || error == EEXIST ? "give a folder" : "give a folder you may write to"));
  };
  began_ = began.value_or(
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) refuse(error.value());
  // TensorBoard takes files in the order of their names, so the seconds have ten digits until the year 2286.
  const std::string name =
      fmt::format("events.out.tfevents.{:010}.isoform", static_cast<std::int64_t>(began_));
  for (int number = 1; file_ < 0; ++number) {
    path_ = folder / (number == 1 ? name : fmt::format("{}.{}", name, number));
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (file_ < 0 && (errno != EEXIST || number == 1000)) refuse(errno);
  }
  std::string message;
  put_double(message, 1, began_);
  put_text(message, 3, "brain.Event:2");
  write(message);
}

TensorBoard::~TensorBoard() {
  if (file_ >= 0) ::close(file_);
}

void TensorBoard::operator()(const Event& event) {
  if (failed()) return;
  const json& data = event.data;
  Summary summary;
  if (event.type == "step") {
    summary.loss("loss/batch", data, "loss");
    summary.scalar("learning_rate", number_of(data, "learning_rate"));
  } else if (event.type == "edit") {
    const std::int64_t space = detail::integer_of(data, "space");
    if (const std::int64_t width = detail::width_after(data, space); width >= 0) {
      summary.width(space, width);
    }
    born_ += detail::integer_of(data, "born");
    removed_ += detail::integer_of(data, "removed");
  } else if (event.type == "spectrum") {
    if (const auto spaces = data.find("spaces"); spaces != data.end() && spaces->is_array()) {
      for (const json& space : *spaces) summary.spectrum(space);
    }
  } else if (event.type == "epoch") {
    put_epoch(summary, data);
  }
  const bool whole =
      event.type == "start" || event.type == "task" || event.type == "epoch" || event.type == "end";
  if (whole) {
    summary.widths(data);
    summary.scalar("parameters", number_of(data, "parameters"));
  }
  if (whole || event.type == "edit") {
    summary.scalar("neurons/born", static_cast<double>(born_));
    summary.scalar("neurons/removed", static_cast<double>(removed_));
  }
  if (summary.bytes.empty()) return;
  std::string message;
  put_double(message, 1, began_ + event.time_s);
  put_key(message, 2, 0);
  put_varint(message, static_cast<std::uint64_t>(event.step));
  put_text(message, 5, summary.bytes);
  write(message);
}

Observer TensorBoard::observer() {
  return [this](const Event& event) { (*this)(event); };
}

void TensorBoard::write(std::string_view message) {
  // A file that was removed takes bytes as before, and nobody will ever read them.
  struct stat status {};
  if (::fstat(file_, &status) == 0 && status.st_nlink == 0) return fail(ENOENT);
  const std::string bytes = record(message);
  if (const int error = detail::write_all(file_, bytes); error != 0) return fail(error);
  bytes_ += std::ssize(bytes);
}

void TensorBoard::fail(int error) {
  failure_ = fmt::format(
      "TensorBoard's events are no longer written to '{}': {}; the run goes on without them",
      path_.string(), std::strerror(error));
  // A reader takes a part of a record for one that is still being written, and would wait.
  if (::ftruncate(file_, bytes_) != 0) return;
}

}  // namespace isoform
