// An edit of one's own, checked before it is believed. The library grows neurons that are silent; here one is added
// that says something at once, a constant b, and sends it on through a column c. Its group already holds a constant: o.
// So the function stays if o gives up b² and ψ gives up b c. Forget one of the two, and the check says so.
#include <fmt/core.h>
#include <isoform/base/random.h>
#include <isoform/network/initialise.h>
#include <isoform/topology/undo.h>
#include <isoform/topology/verify.h>

using namespace isoform;

int main() {
  const auto engine = create_engine<double>();
  ChainSettings chain;
  chain.widths = {10, 16, 4};  // one hidden space, id 1, two groups of 8
  auto network = Network<double>::chain(chain);
  for (Index g = 0; g < 2; ++g) network.space(1).set_o(g, 0.5);
  const Matrix<double> x = normal_matrix(10, 1000, Random(1, Purpose::user));

  // T of group 1: its 8 neurons stay, a row of zeros is the ninth, which is neuron 16 of the space.
  const double b = 0.6;
  const Vector<double> c = normal_matrix(4, 1, Random(2, Purpose::user));
  Edit mine = identity_edit(1, network.space(1).groups);
  mine.record.kind = EditKind::append;
  mine.groups[1].size = 9;
  mine.groups[1].t = Matrix<double>::Identity(9, 8);
  // Corrections have the shape of [W b ψ] after the edit: map 0 writes the space, map 1 reads it.
  MapCorrection incoming{0, Matrix<double>::Zero(17, 10 + 1)};
  incoming.delta(16, 10) = b;
  MapCorrection outgoing{1, Matrix<double>::Zero(4, 17 + 1 + 2)};
  outgoing.delta.col(16) = c;
  outgoing.delta.col(17 + 1 + 1) = -b * c;
  mine.corrections = {incoming, outgoing};

  const FunctionCheck forgotten = check_function(network, mine, *engine, x);
  fmt::print("without the length: {}\n", forgotten.text());
  mine.length = Vector<double>::Zero(2);
  mine.length[1] = -b * b;
  const IsometryCheck isometry = check_isometry(mine);
  const FunctionCheck kept = check_function(network, mine, *engine, x);
  fmt::print("with it: {}\n         {}\n", kept.text(), isometry.text());

  const auto before = network;
  network.apply(mine);
  const Edit back = undo(before, mine);
  fmt::print("applied: {} wide, o = {:.2f}\n", network.space(1).dimension, network.space(1).o(1));
  network.apply(back);
  const double left = (network.map(1).a - before.map(1).a).cwiseAbs().maxCoeff();
  fmt::print("undone:  {} wide, o = {:.2f}, parameters differ by {:.1e}\n",
             network.space(1).dimension, network.space(1).o(1), left);
  return !forgotten.holds() && isometry.holds() && kept.holds() && left <= 1e-15 ? 0 : 1;
}
