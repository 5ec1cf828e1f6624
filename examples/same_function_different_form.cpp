// One function, many networks. A layer whose activation is isotropic has no preferred basis: its neurons can be
// turned into one another, new ones can be added, and connections can be made one-to-one, while the outputs
// stay what they were. Each line below is another network; the last column says how far its outputs
// moved from the first one's, relative to their length: the rounding of double and nothing else.
#include <fmt/ranges.h>
#include <isoform/base/random.h>
#include <isoform/network/initialise.h>
#include <isoform/network/pass.h>
#include <isoform/topology/diagonalise.h>
#include <isoform/topology/grow.h>

#include <algorithm>

using namespace isoform;

int main() {
  const auto engine = create_engine<double>();
  // Two hidden layers in groups of 8, with noise on every weight, bias and ψ: none is zero by accident.
  ChainSettings chain;
  chain.widths = {12, 16, 12, 5};
  auto network = Network<double>::chain(chain);
  for (int map = 0; map < 3; ++map) {
    Matrix<double>& a = network.map(map).a;
    a += 0.3 * normal_matrix(a.rows(), a.cols(), Random(1, Purpose::user, 0, map));
  }
  const Matrix<double> x = normal_matrix(12, 1000, Random(2, Purpose::user));
  const Matrix<double> original = outputs<double>(network, *engine, x);

  double worst = 0;
  const auto show = [&](const char* form) {
    const Matrix<double> moved = outputs<double>(network, *engine, x) - original;
    const double change =
        (moved.colwise().norm().array() / original.colwise().norm().array()).maxCoeff();
    worst = std::max(worst, change);
    const auto zeros = (network.map(1).weight().array().abs() < 1e-12).count();  // ids are from 0
    fmt::print("{:<34}{:<18}{:>3} zeros in W2   change {:.1e}\n", form,
               fmt::format("{}", fmt::join(network.widths(), "-")), zeros, change);
  };

  show("as it was made");
  for (const int space : network.hidden()) network.apply(rotate_random(network, space, 3));
  show("turned at random");
  network.apply(grow(network, 2, fill_groups(network.space(2).groups, 10, 8)));
  show("grown by 10 neurons in layer 2");
  for (const int space : network.hidden()) network.apply(rotate_left(network, space));
  show("ordered by singular values");
  const auto [read, written] = rotate_full(network, 1);
  network.apply(read);
  network.apply(written);
  show("matching blocks of W2 diagonal");
  return worst <= 1e-12 ? 0 : 1;
}
