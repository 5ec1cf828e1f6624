// Taking neurons out. A neuron that hears nothing is a constant, and a constant needs no neuron: its part in the
// length of its group goes into o, its part in the next layer into ψ, and the function stays. Here six of them
// are planted and hidden by a rotation. Singular values find them; what more than those costs, a table says.
#include <fmt/core.h>
#include <isoform/base/random.h>
#include <isoform/network/initialise.h>
#include <isoform/network/pass.h>
#include <isoform/topology/diagonalise.h>
#include <isoform/topology/shrink.h>

using namespace isoform;

int main() {
  const auto engine = create_engine<double>();
  constexpr int kSpace = 2;  // the second hidden layer: 32 neurons in four groups of 8
  ChainSettings chain;
  chain.widths = {20, 24, 32, 6};
  auto network = Network<double>::chain(chain);
  for (int map = 0; map < 3; ++map) {
    Matrix<double>& a = network.map(map).a;
    a += 0.2 * normal_matrix(a.rows(), a.cols(), Random(1, Purpose::user, 0, map));
  }
  Map<double>& incoming = network.map(network.incoming(kSpace).front());
  for (const Index neuron : {0, 1, 2, 9, 17, 18}) {
    incoming.weight().row(neuron).setZero();  // it hears nothing, and keeps its bias
    incoming.psi().row(neuron).setZero();
  }
  network.apply(rotate_random(network, kSpace, 2));

  const Matrix<double> x = normal_matrix(20, 1000, Random(3, Purpose::user));
  const Matrix<double> original = outputs<double>(network, *engine, x);
  const auto scores = score_by_singular_value(network, kSpace);
  const Index silent = count_at_most(scores, 1e-12);
  const auto change_without = [&](Index count, bool fold) {
    Edit edit = reduce(network, kSpace, scores, keep_without_lowest(scores, count));
    if (!fold) {
      edit.length.setZero();
      edit.corrections.clear();
    }
    auto smaller = network;
    smaller.apply(edit);
    const double change =
        (outputs<double>(smaller, *engine, x) - original).norm() / original.norm();
    fmt::print("{:>7}   {:>27.2e}   {:>17.1e}   {}\n", count, edit.record.score, change,
               fold ? "" : "(without the fold)");
    return change;
  };

  fmt::print("{} of 32 neurons hear nothing\n\n", silent);
  fmt::print("removed   largest singular value gone   change of outputs\n");
  const bool exact = silent == 6 && change_without(silent, true) <= 1e-12;
  change_without(silent, false);
  for (Index count = silent + 1; count < 32; count += 6) change_without(count, true);
  return exact ? 0 : 1;
}
