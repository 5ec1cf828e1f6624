// Products through single-threaded OpenBLAS, or in bfloat16, on tiles of our own; gates and optimiser steps vectorised.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/base/thread_pool.h"
#include "isoform/linalg/bfloat16.h"
#include "isoform/linalg/blas.h"
#include "isoform/linalg/engines.h"
#include "isoform/linalg/kernels.h"
#include "isoform/linalg/tiles.h"

namespace isoform {

namespace {

using tiles::Range;

constexpr Index kUpdateGrain = 1 << 16;
constexpr Index kPartNumbers =
    1 << 17;  // of a result that is handed over by parts: 512 KiB, so that it stays near
constexpr Index kFewColumns = 4;  // [b ψ] of a diagonal map up to here in one pass with it
constexpr Index kPanelRows = 1024, kPanelDepth = 512;

// As BLAS wants it.
int stride(Index s) { return static_cast<int>(std::max<Index>(s, 1)); }

// Whether OpenBLAS has kernels that pack nothing, for products up to 100³.
bool has_small_kernels() {
  const std::string_view kernels = openblas_get_corename();
  return kernels == "SkylakeX" || kernels == "Cooperlake" || kernels == "SapphireRapids";
}

// C ← op(A) op(B) + beta C on one thread, as blas::gemm.
template <class T>
using Product = void (*)(char, char, int, int, int, const T*, int, const T*, int, T, T*, int);

template <class T>
class CpuEngine final : public Engine<T> {
 public:
  CpuEngine(int threads, std::string name, Product<T> product, bool packs_little)
      : pool_(threads), name_(std::move(name)), product_(product), packs_little_(packs_little) {
    // More threads inside OpenBLAS would give other bits, and stall beside a busy neighbour.
    openblas_set_num_threads(1);
    warm_up();
  }

  std::string name() const override { return name_; }
  int threads() const override { return pool_.threads(); }

  void fill(View<T> x, const std::function<void(View<T>, Index)>& write) override {
    const int parts = tiles::count(double(x.size()), tiles::kNumberGrain);
    pool_.run(parts, [&](int i) {
      const Range rows = tiles::range(x.rows(), parts, i);
      if (rows.size() > 0) write(x.middleRows(rows.begin, rows.size()), rows.begin);
    });
  }

  void multiply(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c) override {
    const Index inner = op_a == Op::none ? a.cols() : a.rows();
    const Index inner_b = op_b == Op::none ? b.rows() : b.cols();
    ISOFORM_ASSERT(inner == inner_b && c.rows() == (op_a == Op::none ? a.rows() : a.cols()) &&
                       c.cols() == (op_b == Op::none ? b.cols() : b.rows()),
                   "shapes of a product");
    if (c.size() == 0) return;
    if (op_a == Op::none && op_b == Op::none && c.cols() == 1) {  // bound by memory, not worth BLAS
      return kernels::multiply_vector({a.rows(), a.cols(), a.outerStride()}, a.data(), b.data(),
                                      beta, c.data());
    }
    const double work = double(c.size()) * double(inner);
    const bool by_rows = c.rows() >= c.cols();
    const int sides = tiles::along_side(std::max(c.rows(), c.cols()), work);
    // Weights times a batch, or a small result of long sums.
    const bool forward = op_a == Op::none && op_b == Op::none && c.size() <= tiles::kSmallResult;
    const int parts = forward || sides == 1 ? tiles::along_sum(inner, work) : 1;
    if (parts > 1) return multiply_deep(op_a, a, op_b, b, beta, c, parts);
    pool_.run(sides, [&](int i) {
      const Range range = tiles::range(by_rows ? c.rows() : c.cols(), sides, i);
      if (by_rows) {
        gemm(op_a, a, op_b, b, beta, c, range, {0, c.cols()});
      } else {
        gemm(op_a, a, op_b, b, beta, c, {0, c.rows()}, range);
      }
    });
  }

  void multiply_then(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c,
                     const std::function<void(Index, Index)>& done) override {
    if (c.size() == 0) return;
    const Index inner = op_a == Op::none ? a.cols() : a.rows();
    const auto near = static_cast<int>((c.size() + kPartNumbers - 1) / kPartNumbers);
    const int small =
        packs_little_ ? tiles::unpacked(c.cols(), double(c.rows()) * double(inner)) : 1;
    const int parts =
        std::max({near, small, tiles::along_side(c.cols(), double(c.size()) * double(inner))});
    pool_.run(parts, [&](int i) {
      const Range range = tiles::range(c.cols(), parts, i);
      if (range.begin == range.end) return;
      gemm(op_a, a, op_b, b, beta, c, {0, c.rows()}, range);
      done(range.begin, range.end - range.begin);
    });
  }

  void multiply_diagonal(std::span<const T> d, ConstView<T> p, ConstView<T> a, T beta,
                         View<T> c) override {
    const Index inputs = a.rows() - p.cols(), few = p.cols() <= kFewColumns ? p.cols() : 0;
    const auto size = static_cast<Index>(d.size());
    ISOFORM_ASSERT(
        size == std::min(c.rows(), inputs) && p.rows() == c.rows() && a.cols() == c.cols(),
        "shapes of a diagonal product");
    if (few < p.cols()) {  // many gates: what is not diagonal is worth a product
      multiply(Op::none, p, Op::none, a.bottomRows(p.cols()), beta, c);
      beta = 1;
    }
    each_block(c, [&](int, Range range) {
      kernels::multiply_diagonal({c.rows(), size, inputs, few}, range.end - range.begin, d.data(),
                                 {p.data(), p.outerStride()},
                                 {a.data() + range.begin * a.outerStride(), a.outerStride()}, beta,
                                 {c.data() + range.begin * c.outerStride(), c.outerStride()});
    });
  }

  void multiply_blocks(std::span<const RowBlock<T>> blocks, ConstView<T> b, T beta,
                       View<T> c) override {
    double work = 0;
    for (const RowBlock<T>& block : blocks) {
      ISOFORM_ASSERT(block.row + block.a.rows() <= c.rows() &&
                         block.first + block.a.cols() <= b.rows() && b.cols() == c.cols(),
                     "shapes of a product by blocks");
      work += double(block.a.size()) * double(b.cols());
    }
    if (c.cols() == 1) {
      for (const RowBlock<T>& block : blocks) {
        kernels::multiply_vector({block.a.rows(), block.a.cols(), block.a.outerStride()},
                                 block.a.data(), b.data() + block.first, beta,
                                 c.data() + block.row);
      }
      return;
    }
    const auto count = static_cast<int>(blocks.size());
    const int wanted = tiles::count(work, tiles::kProductGrain),
              parts = std::max(1, wanted / std::max(count, 1));
    const auto tile = [&](int i) {  // part i % parts of the columns of block i / parts
      const RowBlock<T>& block = blocks[static_cast<std::size_t>(i / parts)];
      const Range range = tiles::range(c.cols(), parts, i % parts);
      const Index size = range.end - range.begin;
      if (size == 0 || block.a.rows() == 0) return;
      blas::gemm('N', 'N', static_cast<int>(block.a.rows()), static_cast<int>(size),
                 static_cast<int>(block.a.cols()), block.a.data(), stride(block.a.outerStride()),
                 b.data() + block.first + range.begin * b.outerStride(), stride(b.outerStride()),
                 beta, c.data() + block.row + range.begin * c.outerStride(),
                 stride(c.outerStride()));
    };
    if (wanted == 1) {  // not worth another thread
      for (int i = 0; i < count; ++i) tile(i);
    } else {
      pool_.run(count * parts, tile);
    }
  }

  void gate_forward(const Gates<T>& gates, ConstView<T> z, std::span<const T> o, View<T> h,
                    View<T> s, View<T> kappa) override {
    const auto groups = static_cast<Index>(gates.sizes.size());
    need_scratch(3 * groups * z.cols());
    T* const lengths = scratch_.data();
    T* const values = lengths + groups * z.cols();
    T* const slopes = values + groups * z.cols();
    each_block(z, [&](int, Range range) {
      const Index count = range.end - range.begin;
      const kernels::Columns<const T> zs{z.data() + range.begin * z.outerStride(), z.outerStride()};
      T* t = lengths + range.begin * groups;
      T* gate = values + range.begin * groups;
      T* slope = slopes + range.begin * groups;
      kernels::squared_lengths(gates.sizes, count, zs, o.data(), t);
      gates.radial(groups * count, t, gate, slope);
      kernels::apply_gates(gates.sizes, count, zs, kernels::Columns<const T>{gate, groups},
                           {h.data() + range.begin * h.outerStride(), h.outerStride()});
      for (Index j = 0; j < count; ++j) {
        std::copy_n(gate + j * groups, groups, &s(0, range.begin + j));
        std::copy_n(slope + j * groups, groups, &kappa(0, range.begin + j));
      }
    });
  }

  void gate_backward(const Gates<T>& gates, ConstView<T> z, ConstView<T> s, ConstView<T> kappa,
                     ConstView<T> q, View<T> v, std::span<T> o_gradient) override {
    const auto groups = static_cast<Index>(gates.sizes.size());
    need_scratch(groups * tiles::kMost);
    const auto columns = [](const auto& m, Index begin) {
      return kernels::Columns<const T>{m.data() + begin * m.outerStride(), m.outerStride()};
    };
    const int blocks = each_block(z, [&](int i, Range range) {
      kernels::gate_backward(gates.sizes, range.end - range.begin, columns(z, range.begin),
                             columns(s, range.begin), columns(kappa, range.begin),
                             columns(q, range.begin),
                             {v.data() + range.begin * v.outerStride(), v.outerStride()},
                             scratch_.data() + groups * i);
    });
    for (Index g = 0; g < groups; ++g) {
      o_gradient[g] = 0;
      for (int i = 0; i < blocks; ++i) o_gradient[g] += scratch_[groups * i + g];
    }
  }

  void adam(const AdamStep& step, Index n, T* w, const T* g, T* m, T* v) override {
    each_chunk(n, [&](Index at, Index size) {
      kernels::adam(step, size, w + at, g + at, m + at, v + at);
    });
  }

  void momentum(const MomentumStep& step, Index n, T* w, const T* g, T* m) override {
    each_chunk(
        n, [&](Index at, Index size) { kernels::momentum(step, size, w + at, g + at, m + at); });
  }

  void normalised(const NormalisedStep& step, Index n, T* w, const T* g, T* m) override {
    each_chunk(
        n, [&](Index at, Index size) { kernels::normalised(step, size, w + at, g + at, m + at); });
  }

  double sum_of_squares(Index n, const T* g) override {
    const auto chunks = static_cast<std::size_t>((n + kUpdateGrain - 1) / kUpdateGrain);
    if (sums_.size() < chunks) sums_.resize(chunks);
    each_chunk(n, [&](Index at, Index size) {
      sums_[static_cast<std::size_t>(at / kUpdateGrain)] = kernels::sum_of_squares(size, g + at);
    });
    double sum = 0;
    for (std::size_t i = 0; i < chunks; ++i) sum += sums_[i];
    return sum;
  }

 private:
  // OpenBLAS keeps a buffer for each product that is under way. Its kernels prefetch beyond what small products pack there,
  // and while those pages have never been written each prefetch is a walk of the page tables: 2 to 3 times the time, for
  // ever. One product of more rows than a panel has (kPanelRows) on every thread at once writes them.
  void warm_up() {
    // Buffers; no more products are under way than there are tiles.
    static std::atomic<int> warm{0};
    const int threads = std::min(pool_.threads(), tiles::kMost);
    if (threads <= warm.exchange(std::max(warm.load(), threads))) return;
    std::atomic<int> there{0};
    pool_.run(threads, [&](int) {
      const Matrix<T> a = Matrix<T>::Zero(kPanelRows, kPanelDepth), b = a.topRows(48);
      Matrix<T> c(kPanelRows, 48);
      // All at once, so that each takes a buffer of its own; on a busy machine some may not come in time.
      const auto patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
      for (++there; there < threads && std::chrono::steady_clock::now() < patience;) {
        std::this_thread::yield();
      }
      gemm(Op::none, a, Op::transpose, b, T(0), c, {0, c.rows()}, {0, c.cols()});
    });
  }

  // Rows and columns of C alone.
  void gemm(Op op_a, const ConstView<T>& a, Op op_b, const ConstView<T>& b, T beta, View<T> c,
            Range rows, Range cols) const {
    if (rows.begin == rows.end || cols.begin == cols.end) return;
    const Index inner = op_a == Op::none ? a.cols() : a.rows();
    product_(
        op_a == Op::none ? 'N' : 'T', op_b == Op::none ? 'N' : 'T',
        static_cast<int>(rows.end - rows.begin), static_cast<int>(cols.end - cols.begin),
        static_cast<int>(inner), a.data() + rows.begin * (op_a == Op::none ? 1 : a.outerStride()),
        stride(a.outerStride()), b.data() + cols.begin * (op_b == Op::none ? b.outerStride() : 1),
        stride(b.outerStride()), beta, c.data() + rows.begin + cols.begin * c.outerStride(),
        stride(c.outerStride()));
  }

  // Cut along the sum, and what is large besides by rows; results of the parts are added in order.
  void multiply_deep(Op op_a, const ConstView<T>& a, Op op_b, const ConstView<T>& b, T beta,
                     View<T>& c, int parts) {
    const Index inner = op_a == Op::none ? a.cols() : a.rows(), size = c.size();
    const double work = double(size) * double(inner);
    int bands = std::max(1, tiles::along_side(c.rows(), work) / parts);
    if (bands == 1 && packs_little_ && tiles::halves_are_unpacked(work / parts)) bands = 2;
    if (partial_.size() < (parts - 1) * size) partial_.resize((parts - 1) * size);
    const auto partial = [&](int part) {
      return Eigen::Map<Matrix<T>>(partial_.data() + (part - 1) * size, c.rows(), c.cols());
    };
    pool_.run(parts * bands, [&](int i) {
      const int part = i / bands;
      const Range terms = tiles::range(inner, parts, part),
                  rows = tiles::range(c.rows(), bands, i % bands);
      const ConstView<T> of_a = op_a == Op::none
                                    ? ConstView<T>(a.middleCols(terms.begin, terms.size()))
                                    : ConstView<T>(a.middleRows(terms.begin, terms.size()));
      const ConstView<T> of_b = op_b == Op::none
                                    ? ConstView<T>(b.middleRows(terms.begin, terms.size()))
                                    : ConstView<T>(b.middleCols(terms.begin, terms.size()));
      if (part == 0) {
        gemm(op_a, of_a, op_b, of_b, beta, c, rows, {0, c.cols()});
      } else {
        gemm(op_a, of_a, op_b, of_b, T(0), partial(part), rows, {0, c.cols()});
      }
    });
    const int blocks = tiles::count(double(size) * parts, tiles::kNumberGrain);
    pool_.run(blocks, [&](int i) {
      const Range columns = tiles::range(c.cols(), blocks, i);
      for (int part = 1; part < parts; ++part) {
        c.middleCols(columns.begin, columns.size()) +=
            partial(part).middleCols(columns.begin, columns.size());
      }
    });
  }

  void need_scratch(Index size) {  // kept when spaces differ, so that a batch claims no memory
    if (scratch_.size() < size) scratch_.resize(size);
  }

  template <class Function>
  int each_block(const ConstView<T>& z, const Function& function) {
    const int tiles = tiles::count(double(z.rows()) * double(z.cols()), tiles::kNumberGrain);
    if (tiles == 1) {
      function(0, Range{0, z.cols()});
      return 1;
    }
    pool_.run(tiles, [&](int i) { function(i, tiles::range(z.cols(), tiles, i)); });
    return tiles;
  }

  template <class Function>
  void each_chunk(Index n, const Function& function) {
    const auto chunks = static_cast<int>((n + kUpdateGrain - 1) / kUpdateGrain);
    pool_.run(chunks, [&](int i) {
      function(i * kUpdateGrain, std::min(kUpdateGrain, n - i * kUpdateGrain));
    });
  }

  ThreadPool pool_;
  std::string name_;
  Product<T> product_;
  bool packs_little_;
  Vector<T> scratch_, partial_;
  std::vector<double> sums_;  // of chunks
};

}  // namespace

template <class T>
std::unique_ptr<Engine<T>> make_cpu_engine(int threads) {
  return std::make_unique<CpuEngine<T>>(threads, "cpu", static_cast<Product<T>>(blas::gemm),
                                        has_small_kernels());
}
template std::unique_ptr<Engine<float>> make_cpu_engine(int);
template std::unique_ptr<Engine<double>> make_cpu_engine(int);

template <class T>
std::unique_ptr<Engine<T>> make_bfloat16_engine(int threads) {
  if (!bfloat16::is_available()) {
    throw UsageError("engine: this processor has no products of bfloat16 (AVX512-BF16); use cpu");
  }
  if constexpr (std::is_same_v<T, float>) {
    return std::make_unique<CpuEngine<float>>(threads, "bfloat16", bfloat16::gemm, false);
  } else {
    return std::make_unique<CpuEngine<T>>(threads, "bfloat16", static_cast<Product<T>>(blas::gemm),
                                          has_small_kernels());
  }
}
template std::unique_ptr<Engine<float>> make_bfloat16_engine(int);
template std::unique_ptr<Engine<double>> make_bfloat16_engine(int);

std::string linear_algebra_library() {
  return fmt::format("{} ({} kernels)", openblas_get_config(), openblas_get_corename());
}

}  // namespace isoform
