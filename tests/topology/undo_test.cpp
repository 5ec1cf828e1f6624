// An edit and its undoing give back every parameter: random networks of all modes, graphs, both scalars, every edit
// that drops nothing. What is compared with is a copy, so nothing here relies on a formula of undo.
#include "isoform/topology/undo.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "isoform/network/symmetry.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/refit.h"
#include "isoform/topology/shrink.h"
#include "isoform/topology/verify.h"
#include "isoform/train/optimiser.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using Sizes = std::vector<Index>;

template <class T>
constexpr double kBack = std::is_same_v<T, double> ? 1e-14 : 1e-6;

constexpr double kShape = 1e9;  // of a difference in shape

// The largest relative difference of any matrix [W b ψ].
template <class T>
double difference(const Network<T>& a, const Network<T>& b) {
  double worst = 0;
  for (const Map<T>& m : a.maps()) {
    const Matrix<T>& other = b.map(m.id).a;
    if (m.a.rows() != other.rows() || m.a.cols() != other.cols() ||
        m.inputs != b.map(m.id).inputs) {
      return kShape;
    }
    const double error = relative(other.template cast<double>(), m.a.template cast<double>());
    if (std::isnan(error)) return kShape;
    worst = std::max(worst, error);
  }
  return worst;
}

// The same of any o; a sign of β that differs counts as a shape.
template <class T>
double length_difference(const Network<T>& a, const Network<T>& b) {
  double worst = 0;
  for (const int id : a.hidden()) {
    const Space<T>&x = a.space(id), &y = b.space(id);
    if (x.groups != y.groups || x.dimension != y.dimension) return kShape;
    for (Index g = 0; g < x.gates(); ++g) {
      if ((x.length[g] < 0) != (y.length[g] < 0) || !std::isfinite(y.length[g])) return kShape;
      const double error = std::abs(static_cast<double>(y.o(g)) - static_cast<double>(x.o(g)));
      worst = std::max(worst, x.o(g) == 0 ? error : error / static_cast<double>(x.o(g)));
    }
  }
  return worst;
}

template <class T>
class Undo : public ::testing::Test {
 protected:
  // Applies edits that `make` computes one after the other, then takes them back in reverse order.
  using Make = std::function<Edit(const Network<T>&)>;
  void there_and_back(const std::string& what, const Network<T>& network,
                      const std::vector<Make>& make, const std::string& where) {
    std::vector<Network<T>> states = {network};
    std::vector<Edit> edits;
    for (const Make& one : make) {
      edits.push_back(one(states.back()));
      states.push_back(states.back());
      states.back().apply(edits.back());
    }
    Network<T> back = states.back();
    for (std::size_t i = edits.size(); i-- > 0;) {
      const Edit undone = undo(states[i], edits[i]);
      EXPECT_EQ(check_shapes(back, undone), "") << where;
      EXPECT_TRUE(check_isometry(undone).holds()) << what << where;
      back.apply(undone);
    }
    worst_[what].add(difference(network, back), where);
    worst_[what + "_o"].add(length_difference(network, back), where);
  }
  void TearDown() override {
    const std::string scalar = std::is_same_v<T, double> ? "double" : "float";
    for (const auto& [what, worst] : worst_) {
      measured(fmt::format("{}_{}", what, scalar), worst.error);
      EXPECT_LE(worst.error, kBack<T>) << what << ": " << worst.where;
    }
  }
  std::map<std::string, Worst> worst_;
  std::unique_ptr<Engine<T>> engine_ = create_engine<T>({.name = "cpu", .threads = 1});
};

using Scalars = ::testing::Types<float, double>;
class ScalarNames {
 public:
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, double> ? "double" : "float";
  }
};
TYPED_TEST_SUITE(Undo, Scalars, ScalarNames);

// Chains of all modes, and graphs where maps share a space and hold ψ differently.
constexpr std::uint64_t kNetworks = 200;
template <class T>
Network<T> some_network(std::uint64_t seed) {
  if (seed % 5 != 0) return cast_network<T>(random_network(seed, {.most_hidden = 4, .widest = 40}));
  Dice dice(seed, 20);
  const NetworkChoice choice;
  return cast_network<T>(graph_network(seed, pick(dice, choice.radials), pick(dice, choice.lengths),
                                       pick(dice, choice.psis), pick(dice, choice.psis)));
}

template <class T>
Growth some_growth(const Network<T>& network, int space, bool into, bool groups, Dice& dice) {
  Growth growth{Sizes(network.space(space).groups.size(), 0), {}};
  for (Index& count : growth.into) count = into ? dice.between(0, 3) : 0;
  if (into) growth.into.back() += 1;
  for (Index k = groups ? dice.between(1, 3) : 0; k > 0; --k) {
    growth.new_groups.push_back(dice.between(1, 9));
  }
  return growth;
}

// Rotates inside groups and exchanges the groups.
template <class T>
Matrix<double> any_element(const Space<T>& space, std::uint64_t seed) {
  const Matrix<double> order = Symmetry::permutation(space.gates()).sample(seed, 1);
  const Matrix<double> turn = symmetry_of(space).sample(seed);
  Matrix<double> exchange = Matrix<double>::Zero(space.dimension, space.dimension);
  Index row = 0;
  for (Index i = 0; i < space.gates(); ++i) {
    Index g = 0;
    order.row(i).maxCoeff(&g);
    const Index n = space.groups[g];
    exchange.block(row, space.begin(g), n, n).setIdentity();
    row += n;
  }
  return exchange * turn;
}

TYPED_TEST(Undo, OfEverySingleEdit) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    const auto network = some_network<T>(seed);
    const std::string where = describe(network, seed);
    Dice dice(seed, 21);
    const int id = pick(dice, network.hidden());
    const auto all = [&](const std::string& what, const auto& make) {
      this->there_and_back(what, network, {make}, where);
    };
    all("left", [&](const auto& n) { return rotate_left(n, id); });
    all("right", [&](const auto& n) { return rotate_right(n, id); });
    all("random", [&](const auto& n) { return rotate_random(n, id, seed); });
    all("act", [&](const auto& n) { return act(n, id, any_element(n.space(id), seed)); });
    for (const GroupStart start : {GroupStart::rows, GroupStart::columns}) {
      const std::string name = start == GroupStart::rows ? "rows" : "columns";
      const GrowSettings settings{.group_start = start, .seed = seed};
      all("into_groups", [&](const auto& n) {
        return grow(n, id, some_growth(n, id, true, false, dice), settings);
      });
      all("new_groups_" + name, [&](const auto& n) {
        return grow(n, id, some_growth(n, id, false, true, dice), settings);
      });
      all("both_" + name, [&](const auto& n) {
        return grow(n, id, some_growth(n, id, true, true, dice), settings);
      });
    }
    all("nothing_reduced", [&](const auto& n) {
      return reduce(n, id, score_by_singular_value(n, id), n.space(id).groups);
    });
    for (const Map<T>& m : network.maps()) {
      if (!network.space(m.from).hidden() || !network.space(m.to).hidden()) continue;
      const auto [read, written] = rotate_full(network, m.id);
      this->there_and_back(
          "full", network,
          {[r = read](const auto&) { return r; }, [w = written](const auto&) { return w; }}, where);
    }
  }
}

TYPED_TEST(Undo, OfARefit) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto original = some_network<T>(seed);
    Dice dice(seed, 22);
    const int id = pick(dice, original.hidden());
    const Space<T>& space = original.space(id);
    if (space.dimension < 2) continue;
    const auto scores = score_by_singular_value(original, id);
    auto reduced = original;
    reduced.apply(reduce(original, id, scores,
                         keep_without_lowest(scores, dice.between(1, space.dimension - 1))));
    const Matrix<T> x = random_inputs(seed, original.widths().front(), 100).template cast<T>();
    this->there_and_back("refit", reduced, {[&](const auto& n) {
                           return refit<T>(n, original, id, *this->engine_, x);
                         }},
                         describe(original, seed));
  }
}

// Any edit of a user's: isometric embeddings that are no unit matrices, new groups in between, groups exchanged,
// dense corrections of all maps, lengths up and down, o = 0 among them.
template <class T>
Edit any_embedding(const Network<T>& network, int id, Dice& dice, std::uint64_t seed) {
  const Space<T>& s = network.space(id);
  Edit edit;
  edit.space = id;
  const Matrix<double> order = Symmetry::permutation(s.gates()).sample(seed, 2);
  for (Index i = 0; i < s.gates(); ++i) {
    Index g = 0;
    order.row(i).maxCoeff(&g);
    if (dice.coin()) edit.groups.push_back({GroupEdit::kNew, dice.between(1, 3), {}});
    const Index n = s.groups[g], size = n + dice.between(0, 2);
    GroupEdit group{g, size, {}};
    if (size > n || dice.coin()) {
      group.t = Symmetry::orthogonal(size).sample(seed, static_cast<std::uint32_t>(g)).leftCols(n);
    }
    edit.groups.push_back(std::move(group));
  }
  edit.length = Vector<double>::Zero(static_cast<Index>(edit.groups.size()));
  for (Index i = 0; i < edit.length.size(); ++i) {
    const Index source = edit.groups[i].source;
    const double o = source == GroupEdit::kNew ? 0 : static_cast<double>(s.o(source));
    edit.length[i] = dice.coin() ? dice.uniform(0, 2) : dice.coin() ? -o * dice.uniform(0, 0.9) : 0;
  }
  const auto gates = static_cast<Index>(edit.groups.size());
  for (const int m : network.incoming(id)) {
    edit.corrections.push_back({m, dice.normals(edit.dimension(), network.map(m).a.cols(), 0.1)});
  }
  for (const int m : network.outgoing(id)) {
    const Map<T>& map = network.map(m);
    const Index cols = edit.dimension() + 1 + map.features_of(gates);
    edit.corrections.push_back({m, dice.normals(map.a.rows(), cols, 0.1)});
  }
  return edit;
}

TYPED_TEST(Undo, OfUsersEditsWithCorrectionsOfEverything) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    auto network = some_network<T>(seed);
    Dice dice(seed, 23);
    const int id = pick(dice, network.hidden());
    if (network.space(id).length_mode != LengthMode::log && dice.coin()) {
      network.space(id).length[0] = 0;
    }
    this->there_and_back("users", network,
                         {[&](const auto& n) { return any_embedding(n, id, dice, seed); }},
                         describe(network, seed));
  }
}

TYPED_TEST(Undo, OfSeveralEditsInReverseOrder) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    const auto network = some_network<T>(seed);
    Dice dice(seed, 24);
    std::vector<typename Undo<T>::Make> make;
    for (int k = 0; k < 8; ++k) {
      const int id = pick(dice, network.hidden());
      const std::uint64_t key = seed + 1000 * static_cast<std::uint64_t>(k);
      switch (dice.between(0, 4)) {
        case 0:
          make.push_back([=](const auto& n) { return rotate_left(n, id); });
          break;
        case 1:
          make.push_back([=](const auto& n) { return rotate_right(n, id); });
          break;
        case 2:
          make.push_back([=](const auto& n) { return act(n, id, any_element(n.space(id), key)); });
          break;
        case 3:
          make.push_back([=](const auto& n) {
            Dice own(key, 25);
            return grow(n, id, some_growth(n, id, true, true, own),
                        {.group_start = GroupStart::columns, .seed = key});
          });
          break;
        default:
          make.push_back([=](const auto& n) {
            Dice own(key, 26);
            return any_embedding(n, id, own, key);
          });
      }
    }
    this->there_and_back("eight", network, make, describe(network, seed));
  }
}

// What undo brings along beyond Tᵀ matters: without it the tests above would fail.
TEST(UndoNegative, CorrectionsAndLengthsAreNeeded) {
  int corrections = 0, lengths = 0, cases = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto network = random_network(
        seed, {.lengths = {LengthMode::constant, LengthMode::trainable, LengthMode::log}});
    Dice dice(seed, 27);
    const int id = network.hidden().back();
    const Edit edit = any_embedding(network, id, dice, seed);
    auto after = network;
    after.apply(edit);
    if (edit.length.isZero(0)) continue;
    ++cases;
    Edit stripped = undo(network, edit);
    stripped.corrections.clear();
    auto back = after;
    back.apply(stripped);
    corrections += difference(network, back) > 1e-3 ? 1 : 0;
    stripped = undo(network, edit);
    stripped.length.setZero();
    back = after;
    back.apply(stripped);
    lengths += length_difference(network, back) > 1e-3 ? 1 : 0;
  }
  EXPECT_GE(cases, 40);
  EXPECT_EQ(corrections, cases);
  EXPECT_GE(lengths, cases * 3 / 4) << "some lengths only of new groups";
}

// o' = o + big and back: o is small beside what was added, and would drown, or fall below 0, where the number is
// rounded to float.
TEST(UndoLength, IsExactBesideALargeFold) {
  for (const LengthMode mode : {LengthMode::constant, LengthMode::trainable, LengthMode::log}) {
    for (const double o : {0.0, 1e-6, 0.3}) {
      auto network = cast_network<float>(graph_network(3, Radial::tanh, mode));
      network.space(1).set_o(0, o);
      const float was = network.space(1).o(0);
      Edit edit = identity_edit(1, network.space(1).groups);
      edit.length = Vector<double>::Constant(2, 0.7312);
      auto after = network;
      after.apply(edit);
      after.apply(undo(network, edit));
      const float is = after.space(1).o(0);
      EXPECT_NEAR(is, was, 4e-6 * was) << length_mode_name(mode) << " " << o;
    }
  }
}

// Momentum goes there and back with the network: training goes on as if nothing had been.
TEST(UndoMoments, FollowThereAndBack) {
  const auto engine = create_engine<double>({.name = "reference", .threads = 1});
  auto straight = graph_network(4);
  const OptimiserSettings settings{.method = Method::nesterov, .learning_rate = 0.02};
  Optimiser<double> of_straight(settings), of_edited(settings);
  auto edited = straight;
  const auto train = [&](Network<double>& network, Optimiser<double>& optimiser) {
    Pass<double> pass;
    for (std::uint64_t k = 0; k < 4; ++k) {
      pass.prepare(network, 12);
      pass.input() = random_inputs(k, 5, 12);
      forward(network, *engine, pass);
      pass.output_gradient() = pass.output() - random_inputs(k + 100, 3, 12);
      backward(network, *engine, pass);
      optimiser.step(pass.parameters(network), *engine, settings.rate());
    }
  };
  train(straight, of_straight);
  train(edited, of_edited);
  for (const int id : edited.hidden()) {
    Dice dice(7, 28);
    const Edit edit = any_embedding(edited, id, dice, 7);
    const auto before = edited;
    of_edited.transport(edited, edit);
    edited.apply(edit);
    const Edit back = undo(before, edit);
    of_edited.transport(edited, back);
    edited.apply(back);
  }
  train(straight, of_straight);
  train(edited, of_edited);
  EXPECT_LE(difference(straight, edited), 1e-13);
}

}  // namespace
}  // namespace isoform
