// A network put together space by space, map by map; ids are positions. Private to topology.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/network/network.h"

namespace isoform {

template <class T>
class Assembly {
 public:
  /// A space without gates. Returns its id.
  int space(std::string name, Index dimension) {
    Space<T> s;
    s.id = static_cast<int>(spaces_.size());
    s.name = std::move(name);
    s.dimension = dimension;
    spaces_.push_back(std::move(s));
    return spaces_.back().id;
  }
  /// A hidden space of one group.
  int gate(std::string name, Index dimension, Radial radial, LengthMode mode, double o) {
    const int id = space(std::move(name), dimension);
    Space<T>& s = spaces_.back();
    s.groups = {dimension};
    s.radial = radial;
    s.length_mode = mode;
    s.length = Vector<T>::Zero(1);
    s.set_o(0, o);
    return id;
  }
  /// z_to += Π s_factors · (W h + b), A = [W b], rounded once.
  int map(int from, int to, const Matrix<double>& a, std::vector<int> factors = {}) {
    Map<T> m;
    m.id = static_cast<int>(maps_.size());
    m.from = from;
    m.to = to;
    m.inputs = spaces_[static_cast<std::size_t>(from)].dimension;
    ISOFORM_ASSERT(a.cols() == m.inputs + 1, "columns of an affine map");
    m.a = a.template cast<T>();
    m.factors = std::move(factors);
    maps_.push_back(std::move(m));
    return maps_.back().id;
  }
  [[nodiscard]] int next_map() const { return static_cast<int>(maps_.size()); }
  [[nodiscard]] Network<T> network() && { return Network<T>(std::move(spaces_), std::move(maps_)); }

 private:
  std::vector<Space<T>> spaces_;
  std::vector<Map<T>> maps_;
};

}  // namespace isoform
