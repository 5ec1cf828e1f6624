// Products through single-threaded OpenBLAS on tiles of our own; gates and optimiser steps vectorised.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "isoform/base/error.h"
#include "isoform/base/thread_pool.h"
#include "isoform/linalg/blas.h"
#include "isoform/linalg/engines.h"
#include "isoform/linalg/kernels.h"

namespace isoform {

namespace {

constexpr int kMaxTiles = 16;
constexpr double kProductGrain = 3e6;  // multiply–adds worth a hand-over to another thread (~40 µs)
constexpr double kGateGrain = 1.6e4;  // numbers passed through gates, likewise
constexpr Index kUpdateGrain = 1 << 16;

// How many tiles a job of this size is cut into: a power of two that depends on the size alone.
int tiles_for(double work, double grain) {
  const auto wanted = static_cast<unsigned>(std::clamp(work / grain, 1.0, double{kMaxTiles}));
  return static_cast<int>(std::bit_floor(wanted));
}

// Tile i of [0, n): near-equal parts on multiples of 16, so that tiles start on cache lines.
struct Range {
  Index begin, end;
};
Range tile_of(Index n, int tiles, int i) {
  const Index blocks = (n + 15) / 16;
  return {std::min(n, blocks * i / tiles * 16), std::min(n, blocks * (i + 1) / tiles * 16)};
}

template <class T>
class CpuEngine final : public Engine<T> {
 public:
  explicit CpuEngine(int threads) : pool_(threads) {
    // More threads inside OpenBLAS would give other bits, and stall beside a busy neighbour.
    openblas_set_num_threads(1);
  }

  std::string name() const override { return "cpu"; }
  int threads() const override { return pool_.threads(); }

  void multiply(Op op_a, ConstView<T> a, Op op_b, ConstView<T> b, T beta, View<T> c) override {
    const Index inner = op_a == Op::none ? a.cols() : a.rows();
    const Index inner_b = op_b == Op::none ? b.rows() : b.cols();
    ISOFORM_ASSERT(inner == inner_b && c.rows() == (op_a == Op::none ? a.rows() : a.cols()) &&
                       c.cols() == (op_b == Op::none ? b.cols() : b.rows()),
                   "shapes of a product");
    if (c.size() == 0) return;
    const int tiles = tiles_for(double(c.rows()) * double(c.cols()) * double(inner), kProductGrain);
    const bool by_rows = c.rows() >= c.cols();
    pool_.run(tiles, [&](int i) {
      const Range range = tile_of(by_rows ? c.rows() : c.cols(), tiles, i);
      const Index size = range.end - range.begin;
      if (size == 0) return;
      const T* a_start = a.data();
      const T* b_start = b.data();
      T* c_start = c.data();
      if (by_rows) {
        a_start += range.begin * (op_a == Op::none ? 1 : a.outerStride());
        c_start += range.begin;
      } else {
        b_start += range.begin * (op_b == Op::none ? b.outerStride() : 1);
        c_start += range.begin * c.outerStride();
      }
      const auto stride = [](Index s) { return static_cast<int>(std::max<Index>(s, 1)); };
      blas::gemm(op_a == Op::none ? 'N' : 'T', op_b == Op::none ? 'N' : 'T',
                 static_cast<int>(by_rows ? size : c.rows()),
                 static_cast<int>(by_rows ? c.cols() : size), static_cast<int>(inner), a_start,
                 stride(a.outerStride()), b_start, stride(b.outerStride()), beta, c_start,
                 stride(c.outerStride()));
    });
  }

  void gate_forward(const Gates<T>& gates, ConstView<T> z, std::span<const T> o, View<T> h,
                    View<T> s, View<T> kappa) override {
    const auto groups = static_cast<Index>(gates.sizes.size());
    scratch_.resize(3 * groups * z.cols());
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
    scratch_.resize(groups * kMaxTiles);
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

 private:
  template <class Function>
  int each_block(const ConstView<T>& z, const Function& function) {
    const int tiles = tiles_for(double(z.rows()) * double(z.cols()), kGateGrain);
    pool_.run(tiles, [&](int i) { function(i, tile_of(z.cols(), tiles, i)); });
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
  Vector<T> scratch_;
};

}  // namespace

template <class T>
std::unique_ptr<Engine<T>> make_cpu_engine(int threads) {
  return std::make_unique<CpuEngine<T>>(threads);
}
template std::unique_ptr<Engine<float>> make_cpu_engine(int);
template std::unique_ptr<Engine<double>> make_cpu_engine(int);

std::string linear_algebra_library() {
  return fmt::format("{} ({} kernels)", openblas_get_config(), openblas_get_corename());
}

}  // namespace isoform
