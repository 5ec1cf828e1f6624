// The forward pass alone, with every map in the form in which it runs fastest. docs/mathematics.md 5.
//
//   Predictor<T> predictor(network);        // copies what it needs
//   predictor.prepare(batch);
//   predictor.input() = x;                  // [n_0 × batch], already standardised
//   predictor.run(engine);                  // predictor.output(): [n_L × batch]
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "isoform/linalg/engine.h"
#include "isoform/network/pass.h"
#include "isoform/network/structure.h"

namespace isoform {

/// What forward() of network/pass.h computes, from a network as it is now (structure_of each map):
///
///   dense      one product with [W b ψ χ], the same bits as forward()
///   diagonal   no product with W: d∘h + b + ψ s + χ ν
///   triangle   inside large groups, blocks of rows whose products begin at the block's first column;
///              where groups are too small for that to pay, run as dense
///
/// What gates multiply (docs/mathematics.md 6) is computed for all gates at once: the linear parts of a source are one
/// stacked product as soon as it is there, z = Σ π (W h) + C π adds up numbers times vectors one gate after the
/// other. A single sample reads triangles by narrower blocks, kept beside those for batches.
///
/// Zeros that a form leaves out are not kept in memory (those inside a block of a triangle are). Results agree
/// with forward() within rounding, exactly where all maps run dense; they do not depend on threads. Buffers
/// are shared by spaces that are not alive together; a stream is one buffer that its stages add to. A copy has buffers of its own and
/// shares the maps: one predictor serves one thread of control, many threads take a copy each.
///
/// A route leaves inputs and outputs out (network/pass.h): what is left of them costs nothing and takes no memory.
template <class T>
class Predictor {
 public:
  explicit Predictor(const Network<T>& network, const Route& route = {});

  /// Shapes for `samples` columns. Claims buffers only when there are more than ever before.
  void prepare(Index samples);
  [[nodiscard]] Index samples() const { return samples_; }
  /// x [n × samples] of the only input of the route, or of the k-th, to be written by the caller before each run,
  /// which overwrites it.
  View<T> input(std::size_t k = 0);
  /// Writes the inputs of the route from all inputs of the network one below the other.
  void set_input(ConstView<T> x);
  /// y [Σ n × samples] of the outputs of the route one below the other, until the next run.
  View<T> output() { return outputs_.leftCols(samples_); }
  /// y for the input. Claims no buffers.
  void run(Engine<T>& engine);

  /// The form in which a map runs.
  [[nodiscard]] Structure form(int map) const { return forms_.at(static_cast<std::size_t>(map)); }
  /// Numbers of the maps that a run reads, for the samples that are prepared.
  [[nodiscard]] Index numbers() const;

 private:
  // z ← beta z + A (h; 1; s; ν) for a map, A in blocks of rows: one for a dense map; for a diagonal one [b ψ χ].
  struct Step {
    std::size_t from = 0;
    bool constant = false;  // its input is absent: the bias alone
    Structure form = Structure::dense;
    T beta = 0;
    Vector<T> d;
    std::vector<RowBlock<T>> blocks;
  };
  // Linear parts that gates multiply, of all maps from one source, one below the other.
  struct Stack {
    std::vector<RowBlock<T>> blocks, narrow;  // for batches, for one sample
    std::vector<std::pair<Index, Vector<T>>> diagonals;
  };
  struct Product {  // row ← parent row times the gate that the row belongs to
    std::vector<int> factors;
    Index parent = 0;
  };
  struct Constants {
    std::size_t gate = 0;  // position of the last factor
    Matrix<T> c;           // a column for each of its products
  };
  struct Term {
    Index row = 0, product = 0;  // in the stacked parts, in the products
  };
  struct SpacePlan {  // of a space, or of a stage of a stream
    Index dimension = 0;
    std::size_t root = 0;  // position of the first stage, whose buffer all write to
    bool goes_on = false;  // from the stage before
    bool given = false, output = false;
    bool read = false;   // (h; 1; s; ν), else h alone
    Index features = 0;  // rows of s, and of ν where it is read
    std::vector<Index> groups;
    Radial radial = Radial::tanh;
    Vector<T> o;
    std::vector<Step> steps;  // of the maps that end here, in their order
    std::vector<Constants> constants;
    std::vector<Term> terms;
    Stack stack;                    // of the maps that start here
    std::vector<Product> products;  // those whose last factor is this gate; row 0 is 1
    Index first_product = 0;
    std::size_t buffer = 0;  // where its vectors lie
    Index row = 0;           // of an output, in the stack
  };
  struct Input {
    std::size_t space = 0;  // position
    Index row = 0;          // in the stack of all inputs of the network
  };
  void plan_map(const Network<T>& network, const Map<T>& map, T beta, SpacePlan& plan);
  void share_buffers();
  [[nodiscard]] Index height(const SpacePlan& space) const;
  View<T> augmented(std::size_t space);
  View<T> z(std::size_t space);
  void list_products(const Network<T>& network);
  Index product_of(const std::vector<int>& factors) const;
  void plan_term(const Network<T>& network, const Map<T>& map, SpacePlan& plan);
  Matrix<T>& constants_of(SpacePlan& plan, std::size_t gate);
  void merge_blocks();
  void multiply(const Step& step, View<T> z, Engine<T>& engine);
  void compute(std::size_t space, Engine<T>& engine);
  void run_stack(std::size_t space, Engine<T>& engine);
  void add_terms(const SpacePlan& space, View<T> z, Engine<T>& engine);
  void multiply_gates(std::size_t space);

  Index samples_ = 0;
  // Stages of the route, in the order of computation: what copies share, changed by the constructor alone.
  std::shared_ptr<std::vector<SpacePlan>> spaces_;
  std::vector<std::size_t> position_;  // of a stage's id among them
  std::vector<Input> inputs_;
  std::vector<Structure> forms_;    // of the maps
  std::vector<Vector<T>> buffers_;  // (h; 1; s; ν) of a batch; z lies where h will
  Matrix<T> outputs_, ones_;
  Matrix<T> parts_, products_;  // of all stacks; of gates
  Index input_rows_ = 0;
  Vector<T> kappa_;  // slopes, which nobody reads
};

}  // namespace isoform
