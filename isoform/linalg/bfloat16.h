// Products whose factors are rounded to bfloat16, eight bits of mantissa, and whose sums are float32: twice the multiply–adds of float32
// where the processor has them. No BLAS of Debian has these. Private to linalg.
#pragma once

namespace isoform::bfloat16 {

/// Whether this processor multiplies so (AVX512-BF16).
bool is_available();

/// As blas::gemm: c ← op(a) op(b) + beta c, c [m × n] of sums of k terms. Factors are rounded to the nearest, even at ties;
/// subnormal ones count as 0. |error| ≤ (2⁻⁷ + 2⁻¹⁶) Σ|a||b|, and what float32 sums of k/2 terms add. Bits depend on the shape alone. Where
/// is_available() is false it must not be called.
void gemm(char ta, char tb, int m, int n, int k, const float* a, int lda, const float* b, int ldb,
          float beta, float* c, int ldc);

}  // namespace isoform::bfloat16
