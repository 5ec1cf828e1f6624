#include "isoform/data/array_labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/data/array_set.h"

namespace isoform {

namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw FormatError(fmt::format("{}: {}", where, what));
}

// One column a class, and in each row a single 1.
void read_rows(const NpyArray& y, ArrayLabels& out) {
  const NpyHeader& header = y.header;
  out.kind = ArrayLabels::Kind::rows;
  out.columns = header.shape[1];
  if (out.columns > kMostClasses) {
    refuse(out.where,
           fmt::format("y may have up to {} classes, got {} columns", kMostClasses, out.columns));
  }
  const std::vector<float> values = npy_floats(y);
  const auto columns = static_cast<std::size_t>(out.columns);
  for (std::size_t i = 0; i < values.size(); i += columns) {
    std::size_t ones = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      if (values[i + c] == 1) {
        ++ones;
        out.numbers.push_back(static_cast<std::uint32_t>(c));
      } else if (values[i + c] != 0) {
        refuse(out.where,
               fmt::format("y of {} needs to be 0 or 1, with a single 1 in each row, got {} at {}; "
                           "one label a sample may also be [samples]",
                           npy_shape_text(header), values[i + c], npy_position(header, i + c)));
      }
    }
    if (ones != 1) {
      refuse(out.where, fmt::format("row {} of y needs a single 1, got {}", i / columns, ones));
    }
  }
}

void read_numbers(const NpyArray& y, ArrayLabels& out) {
  const std::vector<std::int64_t> values = npy_integers(y);
  out.numbers.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= kMostClasses) {
      refuse(out.where,
             fmt::format("labels need to be whole numbers from 0 to {}, got {} at {}; number the "
                         "classes: y = numpy.unique(y, return_inverse=True)[1]",
                         kMostClasses - 1, values[i], npy_position(y.header, i)));
    }
    out.numbers.push_back(static_cast<std::uint32_t>(values[i]));
  }
}

const char* kind_name(ArrayLabels::Kind kind) {
  switch (kind) {
    case ArrayLabels::Kind::numbers:
      return "numbers";
    case ArrayLabels::Kind::rows:
      return "rows with a single 1";
    default:
      return "text";
  }
}

// Of one or both parts, sorted by their bytes, which is the order of code points.
std::vector<std::string> names_of(const ArrayLabels& labels, const ArrayLabels* other) {
  std::vector<std::string> names = labels.texts;
  if (other != nullptr) names.insert(names.end(), other->texts.begin(), other->texts.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

ArrayLabels read_labels(const NpyArray& y) {
  const NpyHeader& header = y.header;
  ArrayLabels out;
  out.where = header.where;
  const std::size_t dimensions = header.shape.size();
  if (dimensions < 1 || dimensions > 2 || header.elements == 0) {
    refuse(out.where, fmt::format("y needs to be samples, or samples × classes, got {}",
                                  npy_shape_text(header)));
  }
  const bool is_row = dimensions == 2 && header.shape[1] > 1;
  if (header.kind == 'U') {
    if (is_row) {
      refuse(out.where,
             fmt::format("y of text needs one name a sample, got {}", npy_shape_text(header)));
    }
    out.kind = ArrayLabels::Kind::texts;
    out.texts = npy_texts(y);
    const auto empty = std::find(out.texts.begin(), out.texts.end(), "");
    if (empty != out.texts.end()) {
      refuse(
          out.where,
          fmt::format("the name at {} is empty; every class needs one",
                      npy_position(header, static_cast<std::size_t>(empty - out.texts.begin()))));
    }
  } else if (is_row) {
    read_rows(y, out);
  } else if (header.kind == 'f') {
    throw UsageError(
        fmt::format("{}: y holds {}, the targets of a regression, which is not there yet; where "
                    "they are classes, save whole numbers: y.astype(int)",
                    out.where, header.type_name()));
  } else {
    read_numbers(y, out);
  }
  return out;
}

void set_classes(Dataset::Contents& contents, const ArrayLabels& labels, const ArrayLabels* other) {
  if (other != nullptr && (labels.kind != other->kind || labels.columns != other->columns)) {
    refuse(labels.where,
           fmt::format("holds {}{}, but {} {}{}; both parts need labels of one kind",
                       kind_name(labels.kind),
                       labels.columns > 0 ? fmt::format(" of {}", labels.columns) : "",
                       other->where, kind_name(other->kind),
                       other->columns > 0 ? fmt::format(" of {}", other->columns) : ""));
  }
  contents.labels = labels.numbers;
  if (labels.kind == ArrayLabels::Kind::texts) {
    contents.classes = names_of(labels, other);
    if (static_cast<std::int64_t>(contents.classes.size()) > kMostClasses) {
      refuse(labels.where, fmt::format("y may have up to {} classes, got {} names", kMostClasses,
                                       contents.classes.size()));
    }
    contents.labels.reserve(labels.texts.size());
    for (const std::string& text : labels.texts) {
      const auto at = std::lower_bound(contents.classes.begin(), contents.classes.end(), text);
      contents.labels.push_back(static_cast<std::uint32_t>(at - contents.classes.begin()));
    }
    return;
  }
  Index count = labels.columns;
  if (labels.kind == ArrayLabels::Kind::numbers) {
    for (const ArrayLabels* part : {&labels, other}) {
      if (part == nullptr) continue;
      count = std::max<Index>(
          count, *std::max_element(part->numbers.begin(), part->numbers.end()) + Index{1});
    }
  }
  for (Index c = 0; c < count; ++c) contents.classes.push_back(std::to_string(c));
}

}  // namespace isoform
