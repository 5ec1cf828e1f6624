#include "isoform/network/cost.h"

namespace isoform {

Cost& Cost::operator+=(const Cost& other) {
  parameters += other.parameters;
  multiply_adds += other.multiply_adds;
  bytes += other.bytes;
  return *this;
}

template <class T>
Cost cost_of(const Network<T>& network, int map, Structure structure) {
  const Map<T>& m = network.map(map);
  const Index numbers = stored_weights(structure, row_groups(network, map), m.inputs) +
                        m.bias().size() + m.features().size();
  return {numbers, numbers, numbers * static_cast<Index>(sizeof(T))};
}

template <class T>
Cost cost_of(const Network<T>& network) {
  Cost sum;
  for (const Map<T>& m : network.maps()) {
    sum += cost_of(network, m.id, structure_of(network, m.id));
  }
  for (const Space<T>& s : network.spaces()) {
    const Index lengths = s.length_mode == LengthMode::none ? 0 : s.length.size();
    const Index gated = s.hidden() ? 2 * s.dimension : 0;
    sum += {lengths, gated, lengths * static_cast<Index>(sizeof(T))};
  }
  return sum;
}

#define ISOFORM_FOR_SCALAR(T)                               \
  template Cost cost_of(const Network<T>&, int, Structure); \
  template Cost cost_of(const Network<T>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
