#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/io/description.h"
#include "isoform/io/json.h"
#include "isoform/io/model_file.h"
#include "isoform/io/model_values.h"
#include "isoform/io/safetensors.h"

namespace isoform {

using detail::layer_name;
using detail::Values;
using detail::weight_name;

namespace {

// Sparse weights take this many numbers at most when they are unpacked (8 GiB in F32): a short file may
// ask for any number of zeros.
constexpr double kMostUnpacked = 2147483648.0;

// log o for a stored o, such that exp gives o again where a number near log o does.
template <class T>
T logarithm(T o) {
  // The exponential of this is less than half the smallest number, hence 0; it is finite, log 0 is not.
  if (o <= 0) return std::log(std::numeric_limits<T>::denorm_min()) - T(1);
  const T near = std::log(o);
  T above = near, below = near;
  for (int k = 0; k < 8; ++k) {
    if (std::exp(above) == o) return above;
    if (std::exp(below) == o) return below;
    above = std::nextafter(above, std::numeric_limits<T>::infinity());
    below = std::nextafter(below, -std::numeric_limits<T>::infinity());
  }
  return near;
}

template <class T>
T held_length(LengthMode mode, T o) {
  switch (mode) {
    case LengthMode::none:
    case LengthMode::constant:
      return o;
    case LengthMode::trainable:
      return std::sqrt(o);
    case LengthMode::log:
      return logarithm(o);
  }
  return o;
}

// Hands out the tensors of a file, checked, each once.
template <class T>
class Shelf {
 public:
  Shelf(TensorFile file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  [[nodiscard]] bool has(const std::string& tensor) const { return file_.tensors.contains(tensor); }

  // Columns of the shape are absent for a vector.
  Matrix<T> take(const std::string& tensor, std::vector<Index> shape, Values rule) {
    const auto found = file_.tensors.find(tensor);
    if (found == file_.tensors.end()) fail(tensor, "is missing; the file is incomplete");
    if (found->second.shape != shape) {
      fail(tensor, fmt::format("needs the shape {} after widths and groups, got {}",
                               shape_text(shape), shape_text(found->second.shape)));
    }
    shape.resize(2, 1);
    Matrix<T> m(shape[0], shape[1]);
    std::visit(
        [&](const auto& numbers) {
          for (std::size_t k = 0; k < numbers.size(); ++k) {
            const auto at = static_cast<Index>(k);
            m(at / shape[1], at % shape[1]) = convert(tensor, k, numbers[k], rule);
          }
        },
        found->second.data);
    file_.tensors.erase(found);
    return m;
  }

  void check_empty() const {
    if (!file_.tensors.empty()) {
      fail(file_.tensors.begin()->first,
           "is not part of this architecture; remove it, or read the file with the version of "
           "Isoform that wrote it");
    }
  }

  [[noreturn]] void fail(const std::string& tensor, const std::string& what) const {
    throw FormatError(fmt::format("'{}': tensor {} {}", name_, in_quotes(tensor), what));
  }

 private:
  template <class Stored>
  T convert(const std::string& tensor, std::size_t at, Stored stored, Values rule) const {
    if (std::isfinite(stored) && std::abs(stored) > std::numeric_limits<T>::max()) {
      fail(tensor, fmt::format("holds {}, which F32 cannot; load the model in double", stored));
    }
    const T value = static_cast<T>(stored);
    if (const char* needs = detail::value_fault(rule, value)) {
      fail(tensor, fmt::format("needs {}, got {} at position {}", needs, stored, at));
    }
    return value;
  }

  TensorFile file_;
  std::string name_;
};

// The weight of map l + 1, which is stored in one form and unpacked here. Rows and columns are known to be
// as many as there are numbers in other tensors.
template <class T>
Matrix<T> take_weight(const ModelDescription& d, std::size_t l, Shelf<T>& shelf) {
  const Index columns = d.widths[l], rows = d.widths[l + 1];
  const Structure structure = d.structures[l];
  const std::string name = weight_name(l, structure);
  for (const Structure other : {Structure::dense, Structure::diagonal, Structure::triangle}) {
    const std::string found = weight_name(l, other);
    if (other == structure || !shelf.has(found)) continue;
    shelf.fail(found, fmt::format("is there, but after the key 'structure' this weight is {} and "
                                  "kept in '{}' alone; the file is damaged",
                                  structure_name(structure), name));
  }
  if (structure == Structure::dense) return shelf.take(name, {rows, columns}, Values::finite);
  double unpacked = 0;
  for (std::size_t k = 0; k <= l; ++k) {
    if (d.structures[k] == Structure::dense) continue;
    unpacked += static_cast<double>(d.widths[k]) * static_cast<double>(d.widths[k + 1]);
  }
  if (unpacked > kMostUnpacked) {
    shelf.fail(name, fmt::format("is one of the sparse weights that stand for {} numbers, most of "
                                 "them zeros; this Isoform unpacks {} at most",
                                 unpacked, kMostUnpacked));
  }
  const bool hidden = l + 2 < d.widths.size();
  const std::vector<Index> groups = hidden ? d.groups[l] : std::vector<Index>{rows};
  const Index count = stored_weights(structure, groups, columns);
  return unpacked_weight<T>(shelf.take(name, {count}, Values::finite), structure, groups, columns);
}

template <class T>
Model<T> build(const ModelDescription& d, Shelf<T>& shelf) {
  // Vectors before matrices: then every width is that of a tensor in the file, and no product of two
  // widths overflows.
  Model<T> model;
  model.mean = shelf.take("input.mean", {d.widths[0]}, Values::finite);
  model.scale = shelf.take("input.scale", {d.widths[0]}, Values::positive);
  const std::size_t last = d.widths.size() - 1;
  std::vector<Space<T>> spaces(last + 1);
  std::vector<Map<T>> maps(last);
  for (std::size_t l = 0; l <= last; ++l) {
    Space<T>& s = spaces[l];
    s.id = static_cast<int>(l);
    s.name = l == 0 ? "input" : l == last ? "output" : fmt::format("hidden {}", l);
    s.dimension = d.widths[l];
    if (l == 0 || l == last) continue;
    s.groups = d.groups[l - 1];
    s.radial = d.radials[l - 1];
    s.length_mode = d.length_modes[l - 1];
    const bool none = s.length_mode == LengthMode::none;
    s.length = shelf.take(layer_name(l - 1, "intrinsic_length"), {s.gates()},
                          none ? Values::zero : Values::nonnegative);
    for (T& o : s.length) o = held_length(s.length_mode, o);
  }
  for (std::size_t l = 0; l < last; ++l) {
    Map<T>& m = maps[l];
    m.id = m.from = static_cast<int>(l);
    m.to = m.from + 1;
    m.inputs = d.widths[l];
    m.psi_mode = l == 0 ? PsiMode::none : d.psi_modes[l - 1];
    const Index out = d.widths[l + 1], psi = has_psi(m.psi_mode) ? spaces[l].gates() : 0;
    const Vector<T> bias = shelf.take(layer_name(l, "bias"), {out}, Values::finite);
    const Matrix<T> weight = take_weight(d, l, shelf);
    m.a = Matrix<T>::Zero(out, m.inputs + 1 + psi);
    m.weight() = weight;
    m.bias() = bias;
    const std::string name = layer_name(l, "psi");
    if (psi > 0 && shelf.has(name)) m.psi() = shelf.take(name, {out, psi}, Values::finite);
  }
  shelf.check_empty();
  model.network = Network<T>(std::move(spaces), std::move(maps));
  model.tasks = d.tasks;
  model.image_rows = d.image_rows;
  model.image_cols = d.image_cols;
  model.history = d.history;
  return model;
}

template <class T>
Model<T> from_tensors(TensorFile file, const std::string& name) {
  const auto text = file.metadata.find(kModelKey);
  if (text == file.metadata.end()) {
    throw FormatError(
        fmt::format("'{}': not an Isoform model: a safetensors file without the metadata "
                    "key '{}'; is it the right file?",
                    name, kModelKey));
  }
  const ModelDescription description = parse_description(text->second, name);
  Shelf<T> shelf(std::move(file), name);
  return build(description, shelf);
}

}  // namespace

template <class T>
Model<T> parse_model(std::string_view bytes, const std::string& name_for_errors) {
  return from_tensors<T>(parse_tensors(bytes, name_for_errors), name_for_errors);
}

template <class T>
Model<T> load_model(const std::filesystem::path& path) {
  return from_tensors<T>(read_tensors(path), path.string());
}

template Model<float> parse_model(std::string_view, const std::string&);
template Model<double> parse_model(std::string_view, const std::string&);
template Model<float> load_model(const std::filesystem::path&);
template Model<double> load_model(const std::filesystem::path&);

}  // namespace isoform
