// What samples say about one hidden space, for reduction in the metric of the data or of the output:
// moments of z and of the output Jacobian, gathered with passes of their own. docs/mathematics.md 4.5.
#pragma once

#include <vector>

#include "isoform/network/pass.h"

namespace isoform {

/// How samples count in the moments of a group.
enum class Weighting {
  none,      // all alike
  gate,      // by s²: what the next map receives is s z
  jacobian,  // by |∂y/∂z|²: errors of z count where the output feels them
};

/// Of one group, over the samples, each with its weight w.
struct GroupMoments {
  Vector<double> mean;        // E wz / E w [n]
  Matrix<double> covariance;  // E w(z − mean)(z − mean)ᵀ / E w [n × n]
  double weight = 1;          // E w
  Matrix<double> gram;  // E JᵀJ [n × n], J = ∂y/∂z of the group; Weighting::jacobian, else empty
};

/// With more outputs than this the Jacobian Gram is estimated, with as many keyed random signs a sample.
inline constexpr Index kExactJacobian = 32;

/// x [n_0 × samples], standardised. A forward pass over all samples and, for the Gram, a backward pass to the
/// space for every output (at most kExactJacobian). Memory: one batch. Throws UsageError without samples.
template <class T>
std::vector<GroupMoments> group_moments(const Network<T>& network, int space, Engine<T>& engine,
                                        ConstView<T> x, Weighting weighting);

/// Calls use(first sample, pass) after the forward pass of each batch of x, in order.
template <class T, class Function>
void each_batch(const Network<T>& network, Engine<T>& engine, ConstView<T> x, const Function& use) {
  constexpr Index kBatch = 512;
  Pass<T> pass;
  for (Index first = 0; first < x.cols(); first += kBatch) {
    const Index count = std::min(kBatch, x.cols() - first);
    pass.prepare(network, count);
    pass.set_input(x.middleCols(first, count));
    forward(network, engine, pass);
    use(first, pass);
  }
}

}  // namespace isoform
