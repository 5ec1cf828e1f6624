// From a network to operators.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/base/version.h"
#include "isoform/io/onnx_builder.h"
#include "isoform/io/onnx_file.h"
#include "isoform/io/onnx_gates.h"
#include "isoform/io/onnx_words.h"
#include "isoform/network/structure.h"

namespace isoform {

namespace {

using detail::OnnxBuilder;

template <class T>
class OnnxExport {
 public:
  OnnxExport(const Model<T>& model, const OnnxSettings& settings)
      : model_(model),
        network_(model.network),
        settings_(settings),
        z_(network_.stage_ids()),
        h_(network_.stage_ids()),
        s_(network_.space_ids()),
        v_(network_.space_ids()) {}

  std::string bytes() {
    const std::vector<int> inputs = network_.inputs(), outputs = network_.outputs();
    detail::OnnxNames names;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const bool named = k < model_.inputs.size();
      names.inputs.push_back(onnx_.reserve(named ? model_.inputs[k].name : name_of(inputs[k])));
      onnx_.input(names.inputs.back(), network_.space(inputs[k]).dimension);
    }
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const bool named = k < model_.tasks.size();
      names.outputs.push_back(onnx_.reserve(named ? model_.tasks[k].name : name_of(outputs[k])));
    }
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      h_[inputs[k]] = standardised(inputs[k], names.inputs[k]);
    }
    first_input_ = inputs.front();
    for (const Stage& stage : network_.stages()) {
      if (network_.is_given(stage.space)) continue;
      z_[stage.id] = sum(stage);
      const Space<T>& space = network_.space(stage.space);
      const auto output = std::find(outputs.begin(), outputs.end(), stage.space);
      if (space.hidden()) {
        const bool h_is_read = !network_.is_gate(space.id);
        auto gates =
            detail::onnx_gates(onnx_, space, z_[space.id], h_is_read, gates_are_read(space));
        h_[space.id] = std::move(gates.h);
        s_[space.id] = std::move(gates.s);
      } else if (output != outputs.end()) {
        onnx_.output(names.outputs[output - outputs.begin()], space.dimension);
      } else {
        h_[stage.id] = z_[stage.id];
      }
    }
    onnx_.metadata(detail::kOnnxVersionKey, version());
    onnx_.metadata(detail::kOnnxInputsKey, detail::onnx_inputs_json(model_, names));
    onnx_.metadata(detail::kOnnxTasksKey, detail::onnx_tasks_json(model_, names));
    return onnx_.serialise();
  }

 private:
  [[nodiscard]] std::string name_of(int space) const { return network_.space(space).name; }

  std::string vector(const std::string& wanted, const Vector<T>& v) {
    return onnx_.constant(wanted, {v.size()}, detail::row_major(v));
  }

  std::string standardised(int input, const std::string& raw) {
    if (!settings_.standardise) return raw;
    const RowRange rows = model_.rows_of_input(input);
    const Vector<T> mean = model_.mean.segment(rows.begin, rows.end - rows.begin);
    const Vector<T> scale = model_.scale.segment(rows.begin, rows.end - rows.begin);
    std::string x = raw;
    if (!mean.isZero(0)) x = onnx_.node("Sub", {x, vector(raw + ".mean", mean)}, raw + ".centred");
    if ((scale.array() != T(1)).any()) {
      x = onnx_.node("Mul", {x, vector(raw + ".scale", scale)}, raw + ".standardised");
    }
    return x;
  }

  // z of a stage: what it goes on from, and its maps.
  std::string sum(const Stage& stage) {
    const std::string name = name_of(stage.space) + ".z";
    std::string z = stage.before >= 0 ? z_[stage.before] : "";
    Vector<T> bias = Vector<T>::Zero(network_.space(stage.space).dimension);
    for (const Map<T>& map : network_.maps()) {
      if (network_.writes(map.id) == stage.id && map.factors.empty()) bias += map.bias();
    }
    bool waits = stage.before < 0 || !bias.isZero(0);  // the bias, for a map to add it
    for (const Map<T>& map : network_.maps()) {
      if (network_.writes(map.id) != stage.id) continue;
      std::string part;
      if (!map.factors.empty()) {
        part = onnx_.node("Mul", {affine(map, name, Vector<T>(map.bias())), product(map.factors)},
                          name + ".product");
      } else if (map.inputs > 0) {
        part = affine(map, name, waits ? std::optional(bias) : std::nullopt);
        waits = false;
      } else {
        continue;
      }
      z = z.empty() ? part : onnx_.node("Add", {z, part}, name);
    }
    if (!waits) return z;
    if (!z.empty()) {
      return bias.isZero(0) ? z : onnx_.node("Add", {z, vector(name + ".bias", bias)}, name);
    }
    // Nothing that varies is read: the bias, once for each sample.
    const Index width = network_.space(first_input_).dimension;
    const Matrix<T> zero = Matrix<T>::Zero(width, bias.size());
    const std::string zeros =
        onnx_.constant(name + ".zeros", {width, bias.size()}, detail::row_major(zero));
    return onnx_.node("Gemm", {h_[first_input_], zeros, vector(name + ".bias", bias)}, name);
  }

  // W h + ψ s + χ ν, with a bias.
  std::string affine(const Map<T>& map, const std::string& name,
                     const std::optional<Vector<T>>& bias) {
    if (map.inputs == 0) return vector(name + ".bias", *bias);
    const std::string h = h_[network_.reads(map.id)];
    std::string z;
    if (structure_of(network_, map.id) == Structure::diagonal) {
      z = diagonal(map, name, h);
      if (bias) z = onnx_.node("Add", {z, vector(name + ".bias", *bias)}, name);
    } else {
      z = gemm(h, Matrix<T>(map.weight()), name + ".weight",
               bias ? vector(name + ".bias", *bias) : "", name);
    }
    if (!map.psi().isZero(0)) {
      z = gemm(s_[map.from], Matrix<T>(map.psi()), name + ".psi", z, name);
    }
    if (map.chi().isZero(0)) return z;
    return gemm(norms(map.from), Matrix<T>(map.chi()), name + ".chi", z, name);
  }

  // 1/s − 1, made when it is first read.
  std::string norms(int space) {
    std::string& v = v_[space];
    if (v.empty()) {
      const std::string name = name_of(space) + ".norms";
      v = onnx_.node("Sub",
                     {onnx_.node("Reciprocal", {s_[space]}, name + ".reciprocal"),
                      vector(name + ".one", Vector<T>::Ones(1))},
                     name);
    }
    return v;
  }

  std::string gemm(const std::string& a, const Matrix<T>& b, const std::string& called,
                   const std::string& c, const std::string& name) {
    std::vector<std::string> inputs = {
        a, onnx_.constant(called, {b.rows(), b.cols()}, detail::row_major(b))};
    if (!c.empty()) inputs.push_back(c);
    return onnx_.node("Gemm", inputs, name, {{"transB", std::int64_t{1}}});
  }

  std::string diagonal(const Map<T>& map, const std::string& name, std::string h) {
    const Index n = map.a.rows(), kept = std::min(n, map.inputs);
    if (kept < map.inputs) {
      h = onnx_.node("Slice",
                     {h, onnx_.integers(name + ".from", {0}), onnx_.integers(name + ".to", {kept}),
                      onnx_.integers(name + ".axis", {1})},
                     name + ".first");
    }
    const Vector<T> d = map.weight().diagonal();
    h = onnx_.node("Mul", {h, vector(name + ".diagonal", d)}, name);
    if (kept == n) return h;
    return onnx_.node("Pad", {h, onnx_.integers(name + ".pads", {0, 0, 0, n - kept})}, name);
  }

  // A product of gates; what they begin with is shared.
  std::string product(const std::vector<int>& factors) {
    if (factors.size() == 1) return s_[factors.front()];
    std::string& name = products_[factors];
    if (name.empty()) {
      name = onnx_.node("Mul", {product({factors.begin(), factors.end() - 1}), s_[factors.back()]},
                        "gates");
    }
    return name;
  }

  [[nodiscard]] bool gates_are_read(const Space<T>& space) const {
    return std::any_of(network_.maps().begin(), network_.maps().end(), [&](const Map<T>& m) {
      return (m.from == space.id && !m.features().isZero(0)) ||
             std::find(m.factors.begin(), m.factors.end(), space.id) != m.factors.end();
    });
  }

  const Model<T>& model_;
  const Network<T>& network_;
  const OnnxSettings settings_;
  OnnxBuilder onnx_;
  std::vector<std::string> z_, h_, s_, v_;  // names; z and h of stages, s and ν of spaces
  std::map<std::vector<int>, std::string> products_;
  int first_input_ = 0;
};

template <class T>
void require_fit(const Model<T>& model) {
  const Network<T>& network = model.network;
  const std::size_t outputs = network.outputs().size();
  if (!model.tasks.empty() && model.tasks.size() != outputs) {
    throw UsageError(fmt::format(
        "onnx: needs a task for each of {} output spaces, got {}; save the model and load it, "
        "which gives every task a head of its own",
        outputs, model.tasks.size()));
  }
  const Index width = network.widths().front();
  if (model.mean.size() != width || model.scale.size() != width) {
    throw UsageError(
        fmt::format("onnx: mean and scale need {} numbers each, got {} and {}; call "
                    "set_transform first",
                    width, model.mean.size(), model.scale.size()));
  }
  detail::require_onnx_size(sizeof(float) * static_cast<std::uint64_t>(network.parameter_count()));
}

}  // namespace

template <class T>
std::string serialise_onnx(const Model<T>& model, const OnnxSettings& settings) {
  require_fit(model);
  return OnnxExport<T>(model, settings).bytes();
}

template <class T>
void write_onnx(const Model<T>& model, const std::filesystem::path& path,
                const OnnxSettings& settings) {
  write_file_atomically(path, serialise_onnx(model, settings));
}

#define ISOFORM_FOR_SCALAR(T)                                                \
  template std::string serialise_onnx(const Model<T>&, const OnnxSettings&); \
  template void write_onnx(const Model<T>&, const std::filesystem::path&, const OnnxSettings&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
