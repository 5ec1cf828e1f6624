#include "isoform/compile/c_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "isoform/compile/c_text.h"
#include "isoform/network/structure.h"

namespace isoform::detail {

namespace {

// Row after row.
std::vector<float> rows_of(const ConstView<float>& a) {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(a.size()));
  for (Index r = 0; r < a.rows(); ++r) {
    for (Index c = 0; c < a.cols(); ++c) values.push_back(a(r, c));
  }
  return values;
}

bool contains(const std::vector<int>& list, int id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

}  // namespace

CWriter::CWriter(const Model<float>& model, std::string name)
    : model_(model), network_(model.network), name_(std::move(name)) {
  for (const Space<float>& space : network_.spaces()) {
    for (const Index size : space.groups) largest_group_ = std::max(largest_group_, size);
    if (space.groups.empty()) largest_group_ = std::max(largest_group_, space.dimension);
  }
}

std::string CWriter::count_type() const {
  return largest_group_ < 256      ? "unsigned char"
         : largest_group_ <= 65535 ? "unsigned short"
                                   : "unsigned long";
}

std::string CWriter::array(const std::string& name, std::span<const float> values) {
  std::string symbol = fmt::format("{}_{}", name_, name);
  if (written_.insert(symbol).second) {
    arrays_ += fmt::format("{}_CONST float {}[{}] = {}", c_upper(name_), symbol, values.size(),
                           c_numbers(values));
    bytes_ += static_cast<Index>(values.size() * sizeof(float));
  }
  return symbol;
}

std::string CWriter::sizes(const std::string& name, const std::vector<Index>& groups) {
  std::string symbol = fmt::format("{}_{}", name_, name);
  if (written_.insert(symbol).second) {
    const std::vector<long> values(groups.begin(), groups.end());
    arrays_ += fmt::format("{}_CONST {}_count {}[{}] = {}", c_upper(name_), name_, symbol,
                           values.size(), c_numbers(values));
    const std::string type = count_type();
    bytes_ += static_cast<Index>(groups.size()) * (type == "unsigned char"    ? 1
                                                   : type == "unsigned short" ? 2
                                                                              : 8);
  }
  return symbol;
}

void CWriter::call(CKernel kernel, const std::string& name, const std::string& arguments) {
  kernels_.insert(kernel);
  body_ += fmt::format("  {}_{}({});\n", name_, name, arguments);
}

std::string CWriter::place(const CStage& stage) const {
  const char* memory = stage.output ? "y" : "m";
  return stage.offset == 0 ? memory : fmt::format("{} + {}", memory, stage.offset);
}

std::string CWriter::function(const std::string& symbol, const CPlan& plan,
                              const std::vector<CParameter>& parameters) {
  body_.clear();
  places_.assign(network_.stage_ids(), "");
  for (const CStage& at : plan.stages) {
    places_[static_cast<std::size_t>(at.stage->id)] = place(at);
  }
  std::string list;
  for (const CParameter& p : parameters) list += fmt::format("const float *{}, ", p.name);
  for (const CStage& at : plan.stages) stage(at, plan, parameters);
  std::string unused;
  for (const CParameter& p : parameters) {
    const bool used = std::any_of(plan.stages.begin(), plan.stages.end(),
                                  [&](const CStage& s) { return s.stage->space == p.space; });
    if (!used) unused += fmt::format("  (void){};\n", p.name);
  }
  const std::string memory =
      plan.memory > 0 ? fmt::format("  float m[{}];\n", plan.memory) : std::string();
  return fmt::format("static inline void {}({}float *y) {{\n{}{}{}}}\n", symbol, list, memory,
                     unused, body_);
}

void CWriter::stage(const CStage& at, const CPlan& plan,
                    const std::vector<CParameter>& parameters) {
  const Space<float>& space = network_.space(at.stage->space);
  const std::string z = place(at);
  if (at.input) {
    const auto p = std::find_if(parameters.begin(), parameters.end(),
                                [&](const CParameter& x) { return x.space == space.id; });
    const RowRange rows = model_.rows_of_input(space.id);
    const auto part = [&](const Vector<float>& all) {
      return std::span<const float>(all.data() + rows.begin,
                                    static_cast<std::size_t>(space.dimension));
    };
    const std::string mean = array(fmt::format("mean_{}", space.id), part(model_.mean));
    const std::string scale = array(fmt::format("scale_{}", space.id), part(model_.scale));
    return call(CKernel::standardise, "standardise",
                fmt::format("{}, {}, {}, {}, {}", p->name, mean, scale, space.dimension, z));
  }
  if (network_.is_given(space.id)) return;  // the constant 1
  if (at.stage->before < 0) call(CKernel::zero, "zero", fmt::format("{}, {}", z, space.dimension));
  for (const Map<float>& m : network_.maps()) {
    if (network_.writes(m.id) == at.stage->id) map(m, plan, z);
  }
  if (space.hidden()) return gates(space, z);
  if (!at.output) body_ += fmt::format("  m[{}] = 1.0f;\n", at.offset + space.dimension);
}

void CWriter::map(const Map<float>& map, const CPlan& plan, const std::string& z) {
  std::string p;
  for (const int gate : map.factors) p += fmt::format("{}s{}", p.empty() ? "" : " * ", gate);
  if (p.empty()) p = "1.0f";
  if (contains(plan.absent, map.from)) {
    if (network_.carries_bias(map.id)) rest(map, p, "", z);
    return;
  }
  if (map.inputs == 0) return rest(map, p, "", z);
  const std::string& h = places_[static_cast<std::size_t>(network_.reads(map.id))];
  const std::string ones = fmt::format("{} + {}", h, map.inputs);
  const Structure form = structure_of(network_, map.id);
  const Index rows = map.a.rows();
  const std::string where = fmt::format("{}, {}, {}", p, h, z);
  if (map.weight().isZero(0)) return rest(map, p, ones, z);
  if (form == Structure::dense) {
    const bool gates = !map.features().isZero(0), bias = !map.bias().isZero(0);
    const Index columns = gates ? map.a.cols() : map.inputs + (bias ? 1 : 0);
    const std::string a = array(fmt::format("a{}", map.id), rows_of(map.a.leftCols(columns)));
    return call(CKernel::add, "add", fmt::format("{}, {}, {}, {}", a, rows, columns, where));
  }
  const Vector<float> packed = packed_weight(network_, map.id, form);
  const std::string w =
      array(fmt::format("w{}", map.id), {packed.data(), static_cast<std::size_t>(packed.size())});
  if (form == Structure::diagonal) {
    call(CKernel::diagonal, "diagonal", fmt::format("{}, {}, {}", w, packed.size(), where));
  } else {
    const std::vector<Index> groups = row_groups(network_, map.id);
    const std::string list = sizes(fmt::format("sizes_{}", map.to), groups);
    call(CKernel::triangle, "triangle",
         fmt::format("{}, {}, {}, {}, {}", w, list, groups.size(), map.inputs, where));
  }
  rest(map, p, ones, z);
}

// What is left of a map whose weight is written, or is 0: p (b + ψ s + χ ν). `ones`: where (1; s; ν) is.
void CWriter::rest(const Map<float>& map, const std::string& p, const std::string& ones,
                   const std::string& z) {
  const Index rows = map.a.rows();
  if (!ones.empty() && !map.features().isZero(0)) {
    const Index columns = 1 + map.features().cols();
    const std::string a = array(fmt::format("c{}", map.id), rows_of(map.a.rightCols(columns)));
    call(CKernel::add, "add", fmt::format("{}, {}, {}, {}, {}, {}", a, rows, columns, p, ones, z));
  } else if (!map.bias().isZero(0)) {
    const std::string b = array(fmt::format("b{}", map.id), rows_of(map.bias()));
    call(CKernel::shift, "shift", fmt::format("{}, {}, {}, {}", b, rows, p, z));
  }
}

void CWriter::gates(const Space<float>& space, const std::string& z) {
  radials_.insert(space.radial);
  const std::string list = sizes(fmt::format("sizes_{}", space.id), space.groups);
  std::vector<float> o;
  for (Index g = 0; g < space.gates(); ++g) o.push_back(space.o(g));
  const bool zero = std::all_of(o.begin(), o.end(), [](float value) { return value == 0; });
  const std::string lengths = zero ? "NULL" : array(fmt::format("o{}", space.id), o);
  body_ += fmt::format("  {}_gates_{}({}, {}, {}, {}, {});\n", name_, radial_name(space.radial),
                       list, lengths, space.gates(), z, space.dimension);
  if (network_.features(space.id) > space.gates()) {
    call(CKernel::norms, "norms",
         fmt::format("{0} + {1}, {2}, {0} + {3}", z, space.dimension + 1, space.gates(),
                     space.dimension + 1 + space.gates()));
  }
  if (network_.multiplies(space.id)) {
    body_ += fmt::format("  const float s{} = ({})[{}];\n", space.id, z, space.dimension + 1);
  }
}

}  // namespace isoform::detail
