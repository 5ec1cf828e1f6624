#include "isoform/io/onnx_gates.h"

#include <algorithm>

#include "isoform/base/error.h"

namespace isoform::detail {

namespace {

// tanh m / m and asinh m / m are 1 within float32 below, and 0/0 is never met.
constexpr float kAnalyticFloor = 1e-7F;

// |z_g|² of every group: squares, summed over an axis of its own where groups are equal, else by a matrix that says which
// group a coordinate is in.
template <class T>
std::string squared_lengths(OnnxBuilder& onnx, const Space<T>& space, const std::string& z) {
  std::string squares = onnx.node("Mul", {z, z}, space.name + ".squares");
  if (space.gates() == space.dimension) return squares;
  const Index first = space.groups.front();
  if (space.gates() == 1) {
    return onnx.node("ReduceSum", {squares, onnx.integers(space.name + ".axis", {1})},
                     space.name + ".t", {{"keepdims", std::int64_t{1}}});
  }
  if (std::all_of(space.groups.begin(), space.groups.end(),
                  [first](Index size) { return size == first; })) {
    const std::string shape = onnx.integers(space.name + ".shape", {-1, space.gates(), first});
    const std::string parted = onnx.node("Reshape", {squares, shape}, space.name + ".parted");
    return onnx.node("ReduceSum", {parted, onnx.integers(space.name + ".axis", {2})},
                     space.name + ".t", {{"keepdims", std::int64_t{0}}});
  }
  Matrix<float> member = Matrix<float>::Zero(space.dimension, space.gates());
  Index row = 0;
  for (Index g = 0; g < space.gates(); row += space.groups[g++]) {
    member.col(g).segment(row, space.groups[g]).setOnes();
  }
  const std::string members =
      onnx.constant(space.name + ".members", {member.rows(), member.cols()}, row_major(member));
  return onnx.node("MatMul", {squares, members}, space.name + ".t");
}

// s = G(t).
std::string gate(OnnxBuilder& onnx, Radial radial, const std::string& t, const std::string& name) {
  const auto root = [&](const std::string& called, float floor) {
    const std::string floored =
        onnx.node("Max", {t, onnx.number(called, floor)}, name + ".t_floored");
    return onnx.node("Sqrt", {floored}, name + ".m");
  };
  const auto floored_root = [&] { return root("floor", static_cast<float>(kRadialFloor)); };
  const auto plus_one = [&](const std::string& x) {
    return onnx.node("Add", {x, onnx.number("one", 1)}, name + ".u");
  };
  const auto over = [&](const std::string& x, const std::string& y) {
    return onnx.node("Div", {x, y}, name + ".s");
  };
  switch (radial) {
    case Radial::tanh:
    case Radial::asinh: {
      const std::string m = root("analytic_floor", kAnalyticFloor);
      return over(onnx.node(radial == Radial::tanh ? "Tanh" : "Asinh", {m}, name + ".sigma"), m);
    }
    case Radial::algebraic:
      return onnx.node("Reciprocal", {onnx.node("Sqrt", {plus_one(t)}, name + ".m")}, name + ".s");
    case Radial::log: {
      // log1p m / m: both parts take the m that u holds, whose rounding then cancels.
      const std::string u = plus_one(floored_root());
      const std::string m = onnx.node("Sub", {u, onnx.number("one", 1)}, name + ".m_rounded");
      return over(onnx.node("Log", {u}, name + ".sigma"), m);
    }
    case Radial::softsign:
      return onnx.node("Reciprocal", {plus_one(floored_root())}, name + ".s");
  }
  throw InternalError("onnx: a profile without operators");
}

}  // namespace

template <class T>
OnnxGates onnx_gates(OnnxBuilder& onnx, const Space<T>& space, const std::string& z, bool h_is_read,
                     bool s_is_read) {
  const std::string& name = space.name;
  const bool single = space.gates() == space.dimension, whole = space.gates() == 1;
  const bool odd = space.radial == Radial::tanh || space.radial == Radial::asinh;
  Vector<T> o(space.gates());
  for (Index g = 0; g < space.gates(); ++g) o[g] = space.o(g);
  const bool elementwise = single && odd && o.isZero(0);
  OnnxGates gates;
  if (elementwise && h_is_read) {
    gates.h = onnx.node(space.radial == Radial::tanh ? "Tanh" : "Asinh", {z}, name + ".h");
    if (!s_is_read) return gates;
  }
  std::string t = squared_lengths(onnx, space, z);
  if (!o.isZero(0)) {
    t = onnx.node("Add", {t, onnx.constant(name + ".o", {o.size()}, row_major(o))}, name + ".t");
  }
  gates.s = gate(onnx, space.radial, t, name);
  if (!h_is_read || !gates.h.empty()) return gates;
  std::string each = gates.s;
  if (!single && !whole) {
    std::vector<std::int64_t> group_of;
    for (Index g = 0; g < space.gates(); ++g) {
      group_of.insert(group_of.end(), static_cast<std::size_t>(space.groups[g]), g);
    }
    each = onnx.node("Gather", {each, onnx.integers(name + ".group_of", group_of)}, name + ".each",
                     {{"axis", std::int64_t{1}}});
  }
  gates.h = onnx.node("Mul", {z, each}, name + ".h");
  return gates;
}

template OnnxGates onnx_gates(OnnxBuilder&, const Space<float>&, const std::string&, bool, bool);
template OnnxGates onnx_gates(OnnxBuilder&, const Space<double>&, const std::string&, bool, bool);

}  // namespace isoform::detail
