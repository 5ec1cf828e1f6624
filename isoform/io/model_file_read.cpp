#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/io/description.h"
#include "isoform/io/model_file.h"
#include "isoform/io/model_file_shelf.h"

namespace isoform {

using detail::owner_name;
using detail::Shelf;
using detail::Values;

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

template <class T>
void set_frozen(Space<T>& space, const std::vector<Index>& parts) {
  if (!parts.empty()) space.frozen.assign(space.parts().size(), 0);
  for (const Index part : parts) space.frozen[static_cast<std::size_t>(part)] = 1;
}

// Puts a network together from what a file says and holds.
template <class T>
class Builder {
 public:
  Builder(const ModelDescription& d, Shelf<T>& shelf) : d_(d), shelf_(shelf) {}

  Model<T> build() {
    // Vectors before matrices: then every width is that of a tensor in the file, and no product of two
    // widths overflows.
    Model<T> model;
    const std::vector<Index> sizes = d_.input_sizes();
    const Index inputs = std::accumulate(sizes.begin(), sizes.end(), Index{0});
    model.mean = shelf_.take("input.mean", {inputs}, Values::finite);
    model.scale = shelf_.take("input.scale", {inputs}, Values::positive);
    if (d_.architecture == Layout::graph) {
      build_graph();
    } else {
      build_chain(sizes);
    }
    shelf_.check_empty();
    model.network = Network<T>(std::move(spaces_), std::move(maps_));
    for (const InputDescription& input : d_.inputs) model.inputs.push_back(input.input);
    model.tasks = d_.tasks;
    model.image_rows = d_.image_rows;
    model.image_cols = d_.image_cols;
    model.history = d_.history;
    model.schema = d_.schema;
    return model;
  }

 private:
  void take_length(Space<T>& s, const std::string& owner) {
    const bool none = s.length_mode == LengthMode::none;
    s.length = shelf_.take(owner + ".intrinsic_length", {s.gates()},
                           none ? Values::zero : Values::nonnegative);
    for (T& o : s.length) o = held_length(s.length_mode, o);
  }

  // The weight of a map, which is stored in one form and unpacked here. Rows are known to be as many as there are
  // numbers in another tensor.
  Matrix<T> take_weight(const std::string& owner, Structure structure,
                        const std::vector<Index>& groups, Index rows, Index columns) {
    const std::string name = detail::weight_name(owner, structure);
    for (const Structure other : {Structure::dense, Structure::diagonal, Structure::triangle}) {
      const std::string found = detail::weight_name(owner, other);
      if (other == structure || !shelf_.has(found)) continue;
      shelf_.fail(found,
                  fmt::format("is there, but after the key 'structure' this weight is {} and "
                              "kept in '{}' alone; the file is damaged",
                              structure_name(structure), name));
    }
    if (structure == Structure::dense) return shelf_.take(name, {rows, columns}, Values::finite);
    unpacked_ += static_cast<double>(rows) * static_cast<double>(columns);
    if (unpacked_ > kMostUnpacked) {
      shelf_.fail(name,
                  fmt::format("is one of the sparse weights that stand for {} numbers, most of "
                              "them zeros; this Isoform unpacks {} at most",
                              unpacked_, kMostUnpacked));
    }
    const Index count = stored_weights(structure, groups, columns);
    return unpacked_weight<T>(shelf_.take(name, {count}, Values::finite), structure, groups,
                              columns);
  }

  // [W b ψ χ] of a map, or of a layer of maps as one.
  void take_map(Map<T>& m, const std::string& owner, Structure structure,
                const std::vector<Index>& groups, Index gates) {
    const Index rows = std::accumulate(groups.begin(), groups.end(), Index{0});
    const std::string psi = owner + ".psi", chi = owner + ".chi";
    m.norms = shelf_.has(chi);
    if (m.norms && m.features_of(gates) == 0) {
      shelf_.fail(chi, gates == 0 ? "is there, but its layer reads no gates"
                                  : fmt::format("is there, but needs a psi beside it, and the key "
                                                "'psi_mode' says {}; the file is damaged",
                                                psi_mode_name(m.psi_mode)));
    }
    const Vector<T> bias = shelf_.take(owner + ".bias", {rows}, Values::finite);
    Matrix<T> weight(rows, 0);
    if (m.inputs > 0) weight = take_weight(owner, structure, groups, rows, m.inputs);
    m.a = Matrix<T>::Zero(rows, m.inputs + 1 + m.features_of(gates));
    m.weight() = weight;
    m.bias() = bias;
    if (m.gates() > 0 && shelf_.has(psi)) {
      m.psi() = shelf_.take(psi, {rows, gates}, Values::finite);
    }
    if (m.norms) m.chi() = shelf_.take(chi, {rows, gates}, Values::finite);
  }

  void build_graph() {
    for (std::size_t i = 0; i < d_.spaces.size(); ++i) {
      const SpaceDescription& described = d_.spaces[i];
      Space<T> s;
      s.id = static_cast<int>(i);
      s.name = described.name;
      s.dimension = described.dimension;
      s.groups = described.groups;
      s.radial = described.radial;
      s.length_mode = described.length_mode;
      if (s.hidden()) take_length(s, owner_name("spaces", i));
      set_frozen(s, described.frozen);
      spaces_.push_back(std::move(s));
    }
    for (std::size_t i = 0; i < d_.maps.size(); ++i) {
      const MapDescription& described = d_.maps[i];
      Map<T> m;
      m.id = static_cast<int>(i);
      m.from = static_cast<int>(described.from);
      m.to = static_cast<int>(described.to);
      m.psi_mode = described.psi_mode;
      for (const Index factor : described.factors) m.factors.push_back(static_cast<int>(factor));
      const Space<T>& from = spaces_[static_cast<std::size_t>(m.from)];
      m.inputs = from.dimension;
      take_map(m, owner_name("maps", i), d_.structures[i],
               spaces_[static_cast<std::size_t>(m.to)].parts(), from.gates());
      maps_.push_back(std::move(m));
    }
  }

  // Ids as in a chain, those of further inputs and heads above.
  void build_chain(const std::vector<Index>& inputs) {
    const auto last = static_cast<int>(d_.widths.size()) - 1;
    int next = last + 1;
    const std::vector<Index> heads = d_.output_sizes();
    std::vector<std::vector<std::size_t>> stages(d_.widths.size());  // positions
    const auto add = [&](int l, int id, std::string name, Index dimension) {
      stages[static_cast<std::size_t>(l)].push_back(spaces_.size());
      Space<T>& s = spaces_.emplace_back();
      s.id = id;
      s.name = std::move(name);
      s.dimension = dimension;
    };
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      add(0, k == 0 ? 0 : next++, d_.inputs.empty() ? "input" : d_.inputs[k].input.name, inputs[k]);
    }
    for (int l = 1; l < last; ++l) {
      const auto i = static_cast<std::size_t>(l) - 1;
      add(l, l, fmt::format("hidden {}", l), d_.widths[i + 1]);
      Space<T>& s = spaces_.back();
      s.groups = d_.groups[i];
      s.radial = d_.radials[i];
      s.length_mode = d_.length_modes[i];
      take_length(s, owner_name("layers", i));
    }
    for (std::size_t k = 0; k < heads.size(); ++k) {
      add(last, k == 0 ? last : next++, d_.tasks.empty() ? "output" : d_.tasks[k].name, heads[k]);
    }
    for (std::size_t i = 0; i < d_.frozen.size(); ++i) {
      set_frozen(spaces_[inputs.size() + i], d_.frozen[i]);
    }
    next = last;
    for (int l = 0; l < last; ++l) add_layer(l, stages[l], stages[l + 1], next);
    std::sort(maps_.begin(), maps_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  }

  // Cuts a layer into the maps of every source to every target. The bias goes with the first source.
  void add_layer(int l, const std::vector<std::size_t>& sources,
                 const std::vector<std::size_t>& targets, int& next) {
    const auto i = static_cast<std::size_t>(l);
    Map<T> whole;
    whole.inputs = d_.widths[i];
    whole.psi_mode = l == 0 ? PsiMode::none : d_.psi_modes[i - 1];
    const std::vector<Index> groups =
        i < d_.hidden() ? d_.groups[i] : std::vector{d_.widths[i + 1]};
    take_map(whole, owner_name("layers", i), d_.structures[i], groups,
             l == 0 ? 0 : spaces_[sources.front()].gates());
    if (sources.size() == 1 && targets.size() == 1) {
      whole.id = l;
      whole.from = spaces_[sources.front()].id;
      whole.to = spaces_[targets.front()].id;
      maps_.push_back(std::move(whole));
      return;
    }
    Index row = 0;
    for (const std::size_t target : targets) {
      Index column = 0;
      const Index rows = spaces_[target].dimension;
      for (const std::size_t source : sources) {
        const bool first = source == sources.front();
        Map<T> m;
        m.id = first && target == targets.front() ? l : next++;
        m.from = spaces_[source].id;
        m.to = spaces_[target].id;
        m.psi_mode = whole.psi_mode;
        m.norms = whole.norms;
        m.inputs = spaces_[source].dimension;
        m.a = Matrix<T>::Zero(rows, m.inputs + 1 + whole.features().cols());
        m.weight() = whole.weight().block(row, column, rows, m.inputs);
        if (first) m.bias() = whole.bias().segment(row, rows);
        m.psi() = whole.psi().middleRows(row, rows);
        m.chi() = whole.chi().middleRows(row, rows);
        maps_.push_back(std::move(m));
        column += spaces_[source].dimension;
      }
      row += rows;
    }
  }

  const ModelDescription& d_;
  Shelf<T>& shelf_;
  double unpacked_ = 0;
  std::vector<Space<T>> spaces_;
  std::vector<Map<T>> maps_;
};

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
  return Builder<T>(description, shelf).build();
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
