#include "isoform/data/array_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/data/array_labels.h"
#include "isoform/data/find.h"
#include "isoform/data/npz.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

// Arrays by name, wherever they lie.
class Arrays {
 public:
  Arrays() = default;
  virtual ~Arrays() = default;
  Arrays(const Arrays&) = delete;
  Arrays& operator=(const Arrays&) = delete;
  [[nodiscard]] virtual bool has(const std::string& name) const = 0;
  [[nodiscard]] virtual NpyArray read(const std::string& name) const = 0;
  [[nodiscard]] virtual NpyHeader header(const std::string& name) const = 0;
  // What there is instead, for messages.
  [[nodiscard]] virtual std::string contents() const = 0;
};

class FileArrays : public Arrays {
 public:
  explicit FileArrays(const fs::path& path) : file_(path) {}
  [[nodiscard]] bool has(const std::string& name) const override { return file_.has(name); }
  [[nodiscard]] NpyArray read(const std::string& name) const override { return file_.read(name); }
  [[nodiscard]] NpyHeader header(const std::string& name) const override {
    return file_.header(name);
  }
  [[nodiscard]] std::string contents() const override {
    constexpr std::size_t kShown = 10;
    std::vector<std::string> names = file_.names();
    const std::size_t more = names.size() - std::min(names.size(), kShown);
    names.resize(names.size() - more);
    for (std::string& name : names) {
      // A name may hold anything, and this goes to a terminal.
      std::replace_if(
          name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
    }
    if (names.empty()) return "no arrays";
    return fmt::format("{}{}", fmt::join(names, ", "),
                       more > 0 ? fmt::format(" and {} more", more) : "");
  }

 private:
  NpzFile file_;
};

class FolderArrays : public Arrays {
 public:
  explicit FolderArrays(fs::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] bool has(const std::string& name) const override {
    return find_file(folder_, name + ".npy", false).has_value();
  }
  [[nodiscard]] NpyArray read(const std::string& name) const override {
    return read_npy(folder_ / (name + ".npy"));
  }
  [[nodiscard]] NpyHeader header(const std::string& name) const override {
    return read_npy_header(folder_ / (name + ".npy"));
  }
  [[nodiscard]] std::string contents() const override { return "other files"; }

 private:
  fs::path folder_;
};

std::unique_ptr<const Arrays> open(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return std::make_unique<FolderArrays>(path);
  return std::make_unique<FileArrays>(path);
}

// The name under which there is an array: as it is, or with a capital.
std::optional<std::string> spelt(const Arrays& arrays, const std::string& where, std::string name) {
  std::string capital = name;
  capital[0] = static_cast<char>(capital[0] - 'a' + 'A');
  const bool has_name = arrays.has(name), has_capital = arrays.has(capital);
  if (has_name && has_capital) {
    throw FormatError(
        fmt::format("{}: holds both {} and {}; keep one of them", where, name, capital));
  }
  if (has_name) return name;
  return has_capital ? std::optional(std::move(capital)) : std::nullopt;
}

struct Part {
  std::string x, y;
};

// The names of a part, if it is there.
std::optional<Part> find_part(const Arrays& arrays, const std::string& where, Split split) {
  std::optional<Part> found;
  const std::vector<std::string> endings = split == Split::train
                                               ? std::vector<std::string>{"_train", ""}
                                               : std::vector<std::string>{"_test"};
  for (const std::string& ending : endings) {
    const auto x = spelt(arrays, where, "x" + ending), y = spelt(arrays, where, "y" + ending);
    if (!x && !y) continue;
    if (!x || !y) {
      throw FormatError(fmt::format("{}: holds {}, but not {}{}; a part needs both", where,
                                    x ? *x : *y, x ? "y" : "x", ending));
    }
    if (found) {
      throw FormatError(fmt::format("{}: holds {} and {}, two training parts; keep one of them",
                                    where, found->x, *x));
    }
    found = Part{*x, *y};
  }
  return found;
}

// Without the samples.
std::vector<Index> layout(const NpyHeader& x) {
  return {x.shape.begin() + (x.shape.empty() ? 0 : 1), x.shape.end()};
}

void check_inputs(const NpyHeader& x) {
  const auto refuse = [&](const std::string& what) {
    throw FormatError(fmt::format("{}: {}", x.where, what));
  };
  if (x.kind == 'U') refuse("x needs numbers, got text");
  const std::size_t dimensions = x.shape.size();
  if (dimensions < 2 || dimensions > 4) {
    refuse(
        fmt::format("x needs 2 dimensions (samples × features) or 3 or 4 (samples × rows × columns "
                    "× channels), "
                    "got {}; reshape it, for one feature a sample by x.reshape(-1, 1)",
                    npy_shape_text(x)));
  }
  if (x.elements == 0)
    refuse(fmt::format("x needs samples and features, got {}", npy_shape_text(x)));
  // Nothing of another kind looks like this, and read as rows it would be scrambled in silence.
  if (dimensions == 4 && x.shape[1] == 3 && x.shape[2] == x.shape[3] && x.shape[3] > 4) {
    refuse(
        fmt::format("x of {} looks like pictures with the channels first; they need to be last: "
                    "x.transpose(0, 2, 3, 1)",
                    npy_shape_text(x)));
  }
}

void set_inputs(Dataset::Contents& contents, NpyArray x) {
  const NpyHeader& header = x.header;
  const std::vector<Index>& shape = header.shape;
  constexpr std::array<std::size_t, 4> kPlanar = {0, 3, 1, 2};
  std::span<const std::size_t> axes;
  if (shape.size() == 4) axes = kPlanar;
  if (shape.size() > 2) {
    contents.image = ImageShape{shape[1], shape[2], shape.size() == 4 ? shape[3] : 1};
  }
  contents.features = static_cast<Index>(header.elements) / shape[0];
  const bool as_stored = !header.is_fortran_order && (axes.empty() || shape[3] == 1);
  if (header.kind == 'u' && header.element_bytes == 1 && as_stored) {
    contents.values = std::move(x.bytes);
  } else if (header.kind == 'b' || (header.kind == 'u' && header.element_bytes == 1)) {
    contents.values = npy_bytes(x, axes);
  } else {
    contents.values = npy_floats(x, axes);
  }
}

}  // namespace

bool holds_arrays(const fs::path& folder) {
  for (const char* ending : {"", "_train", "_test"}) {
    for (const char* letter : {"x", "y", "X", "Y"}) {
      if (find_file(folder, fmt::format("{}{}.npy", letter, ending), false)) return true;
    }
  }
  return false;
}

bool has_array_part(const fs::path& file_or_folder, Split split) {
  return find_part(*open(file_or_folder), file_or_folder.string(), split).has_value();
}

Dataset read_array_set(const fs::path& file_or_folder, Split split, std::string name) {
  const std::string where = file_or_folder.string();
  const std::unique_ptr<const Arrays> arrays = open(file_or_folder);
  const std::optional<Part> train = find_part(*arrays, where, Split::train);
  const std::optional<Part> test = find_part(*arrays, where, Split::test);
  const std::optional<Part>& part = split == Split::train ? train : test;
  if (!part && !train && !test) {
    throw FileError(
        fmt::format("{}: needs arrays x and y, or x_train, y_train, x_test and y_test, got {}",
                    where, arrays->contents()));
  }
  if (!part) {
    throw FileError(fmt::format(
        "{}: has no {} part: it needs arrays {}, and has {} and {}", where, to_string(split),
        split == Split::test ? "x_test and y_test" : "x and y, or x_train and y_train",
        (train ? train : test)->x, (train ? train : test)->y));
  }
  const NpyHeader x_header = arrays->header(part->x);
  check_inputs(x_header);
  const std::optional<Part>& other = split == Split::train ? test : train;
  std::optional<ArrayLabels> other_labels;
  if (other) {
    const NpyHeader header = arrays->header(other->x);
    if (layout(header) != layout(x_header)) {
      throw FormatError(fmt::format("{}: {} of {} and {} of {} need samples of the same shape",
                                    where, part->x, npy_shape_text(x_header), other->x,
                                    npy_shape_text(header)));
    }
    other_labels = read_labels(arrays->read(other->y));
  }
  const ArrayLabels labels = read_labels(arrays->read(part->y));
  if (static_cast<Index>(labels.samples()) != x_header.shape[0]) {
    throw FormatError(
        fmt::format("{}: {} holds {} samples, {} holds {}; each sample needs its label", where,
                    part->x, x_header.shape[0], part->y, labels.samples()));
  }
  Dataset::Contents contents;
  contents.name = std::move(name);
  set_classes(contents, labels, other_labels ? &*other_labels : nullptr);
  set_inputs(contents, arrays->read(part->x));
  return Dataset(std::move(contents));
}

}  // namespace isoform
