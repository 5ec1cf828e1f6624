#include "isoform/linalg/bfloat16.h"

#include "isoform/base/error.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "isoform/linalg/matrix.h"

#define ISOFORM_BFLOAT16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

namespace isoform::bfloat16 {

namespace {

// A word holds two terms of a lane (a row of op(a), a column of op(b)): what one lane of a multiply–add reads.
using Word = std::uint32_t;

constexpr int kLanes = 16;             // of a register
constexpr int kRows = 32, kCols = 12;  // of C in registers: 24 of them, 2 for a, 1 for b
constexpr int kDepth = 512;            // terms packed at a time
constexpr int kPairs = kDepth / 2;
constexpr int kBlockRows = 256;         // × kDepth: 256 KiB, which stay in the second cache
constexpr int kBlockCols = 32 * kCols;  // × kDepth: 384 KiB, too

struct alignas(64) Packed {
  Word a[kBlockRows * kPairs];
  Word b[kBlockCols * kPairs];
};

// GCC 12 warns of the undefined operand in intrinsics without a mask.
constexpr __mmask16 kAll = 0xFFFF;

__mmask16 mask_of(int count) {
  return static_cast<__mmask16>((1U << std::clamp(count, 0, kLanes)) - 1U);
}

ISOFORM_BFLOAT16 inline __m512i rounded(__m512 x) {
  return _mm512_maskz_cvtepu16_epi32(kAll, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
}

// Panels of `width` lanes, each by pairs of terms; zeros fill up. Lanes are neighbours in memory, terms `stride` apart.
ISOFORM_BFLOAT16 void pack_lanes(const float* x, std::ptrdiff_t stride, int lanes, int terms,
                                 int width, Word* out) {
  const int pairs = (terms + 1) / 2;
  for (int first = 0; first < lanes; first += width) {
    for (int p = 0; p < pairs; ++p, out += width) {
      const float* low = x + first + 2 * p * stride;
      const bool odd = 2 * p + 1 == terms;
      for (int l = 0; l < width; l += kLanes) {
        const __mmask16 there = mask_of(std::min(lanes - first, width) - l);
        const __m512 a = _mm512_maskz_loadu_ps(there, low + l);
        const __m512 b = _mm512_maskz_loadu_ps(odd ? __mmask16{0} : there, low + stride + l);
        _mm512_mask_storeu_epi32(
            out + l, mask_of(width - l),
            _mm512_or_si512(rounded(a), _mm512_maskz_slli_epi32(kAll, rounded(b), 16)));
      }
    }
  }
}

// Sixteen rows of sixteen words become columns.
ISOFORM_BFLOAT16 inline void transpose(__m512i (&r)[kLanes]) {
  __m512i t[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i += 2) {
    t[i] = _mm512_maskz_unpacklo_epi32(kAll, r[i], r[i + 1]);
    t[i + 1] = _mm512_maskz_unpackhi_epi32(kAll, r[i], r[i + 1]);
  }
  constexpr __mmask8 all = 0xFF;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i += 4) {
    r[i] = _mm512_maskz_unpacklo_epi64(all, t[i], t[i + 2]);
    r[i + 1] = _mm512_maskz_unpackhi_epi64(all, t[i], t[i + 2]);
    r[i + 2] = _mm512_maskz_unpacklo_epi64(all, t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_maskz_unpackhi_epi64(all, t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (int q = 0; q < 4; ++q) {  // quarters: even and odd ones of two registers, then of two pairs
    constexpr int even = 0x88, odd = 0xDD;
    const __m512i x0 = _mm512_maskz_shuffle_i32x4(kAll, r[q], r[4 + q], even);
    const __m512i x1 = _mm512_maskz_shuffle_i32x4(kAll, r[q], r[4 + q], odd);
    const __m512i y0 = _mm512_maskz_shuffle_i32x4(kAll, r[8 + q], r[12 + q], even);
    const __m512i y1 = _mm512_maskz_shuffle_i32x4(kAll, r[8 + q], r[12 + q], odd);
    t[q] = _mm512_maskz_shuffle_i32x4(kAll, x0, y0, even);
    t[q + 4] = _mm512_maskz_shuffle_i32x4(kAll, x1, y1, even);
    t[q + 8] = _mm512_maskz_shuffle_i32x4(kAll, x0, y0, odd);
    t[q + 12] = _mm512_maskz_shuffle_i32x4(kAll, x1, y1, odd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) r[i] = t[i];
}

// The same where terms are neighbours, lanes `stride` apart.
ISOFORM_BFLOAT16 void pack_terms(const float* x, std::ptrdiff_t stride, int lanes, int terms,
                                 int width, Word* out) {
  const int pairs = (terms + 1) / 2;
  for (int first = 0; first < lanes; first += width, out += std::ptrdiff_t{pairs} * width) {
    for (int l = 0; l < width; l += kLanes) {
      const int there = std::min(lanes - first, width) - l;
      const __mmask16 kept = mask_of(width - l);
      for (int p = 0; p < pairs; p += kLanes) {
        const __mmask16 low = mask_of(terms - 2 * p), high = mask_of(terms - 2 * p - kLanes);
        __m512i words[kLanes];
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) {
          const float* lane = x + (first + l + (i < there ? i : 0)) * stride + 2 * p;
          const __m512 a = _mm512_maskz_loadu_ps(i < there ? low : __mmask16{0}, lane);
          const __m512 b = _mm512_maskz_loadu_ps(i < there ? high : __mmask16{0}, lane + kLanes);
          words[i] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a));
        }
        transpose(words);
        const int count = std::min(kLanes, pairs - p);
        for (int i = 0; i < count; ++i) {
          _mm512_mask_storeu_epi32(out + (p + i) * width + l, kept, words[i]);
        }
      }
    }
  }
}

void pack(bool lanes_are_neighbours, const float* x, std::ptrdiff_t stride, int lanes, int terms,
          int width, Word* out) {
  (lanes_are_neighbours ? pack_lanes : pack_terms)(x, stride, lanes, terms, width, out);
}

// c [rows × cols] ← sums of the pairs of one panel of each factor, + beta c.
ISOFORM_BFLOAT16 void multiply_panels(int pairs, const Word* a, const Word* b, int rows, int cols,
                                      float beta, float* c, std::ptrdiff_t ldc) {
  __m512 sum[2][kCols];
#pragma GCC unroll 12
  for (int j = 0; j < kCols; ++j) sum[0][j] = sum[1][j] = _mm512_setzero_ps();
  for (int p = 0; p < pairs; ++p, a += kRows, b += kCols) {
    const auto upper = reinterpret_cast<__m512bh>(_mm512_loadu_si512(a));
    const auto lower = reinterpret_cast<__m512bh>(_mm512_loadu_si512(a + kLanes));
#pragma GCC unroll 12
    for (int j = 0; j < kCols; ++j) {
      const auto factor = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(b[j])));
      sum[0][j] = _mm512_dpbf16_ps(sum[0][j], upper, factor);
      sum[1][j] = _mm512_dpbf16_ps(sum[1][j], lower, factor);
    }
  }
  const __mmask16 masks[2] = {mask_of(rows), mask_of(rows - kLanes)};
  const __m512 scale = _mm512_set1_ps(beta);
#pragma GCC unroll 12
  for (int j = 0; j < kCols; ++j) {
    if (j >= cols) break;
    for (int half = 0; half < 2; ++half) {
      float* at = c + j * ldc + half * kLanes;
      __m512 value = sum[half][j];
      if (beta != 0) {
        value = _mm512_fmadd_ps(scale, _mm512_maskz_loadu_ps(masks[half], at), value);
      }
      _mm512_mask_storeu_ps(at, masks[half], value);
    }
  }
}

}  // namespace

bool is_available() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}

void gemm(char ta, char tb, int m, int n, int k, const float* a, int lda, const float* b, int ldb,
          float beta, float* c, int ldc) {
  const bool a_plain = ta == 'N', b_plain = tb == 'N';
  const std::ptrdiff_t stride_a = lda, stride_b = ldb, stride_c = ldc;
  thread_local const auto own = std::make_unique<Packed>();
  Packed& packed = *own;
  for (int depth = 0; depth < std::max(k, 1); depth += kDepth) {  // without terms: beta c
    const int terms = std::min(kDepth, k - depth), pairs = (terms + 1) / 2;
    const float keep = depth == 0 ? beta : 1;
    for (int col = 0; col < n; col += kBlockCols) {
      const int cols = std::min(kBlockCols, n - col);
      pack(!b_plain, b + (b_plain ? depth + col * stride_b : col + depth * stride_b), stride_b,
           cols, terms, kCols, packed.b);
      for (int row = 0; row < m; row += kBlockRows) {
        const int rows = std::min(kBlockRows, m - row);
        pack(a_plain, a + (a_plain ? row + depth * stride_a : depth + row * stride_a), stride_a,
             rows, terms, kRows, packed.a);
        for (int j = 0; j < cols; j += kCols) {
          for (int i = 0; i < rows; i += kRows) {
            multiply_panels(pairs, packed.a + i * pairs, packed.b + j * pairs,
                            std::min(kRows, rows - i), std::min(kCols, cols - j), keep,
                            c + row + i + (col + j) * stride_c, stride_c);
          }
        }
      }
    }
  }
}

}  // namespace isoform::bfloat16

#else

namespace isoform::bfloat16 {

bool is_available() { return false; }
void gemm(char, char, int, int, int, const float*, int, const float*, int, float, float*, int) {
  throw InternalError("products of bfloat16 on a processor without them");
}

}  // namespace isoform::bfloat16

#endif
