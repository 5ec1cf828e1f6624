#include "isoform/compile/c_kernels.h"

#include <fmt/format.h>

#include <array>

#include "isoform/activation/radial_series.h"
#include "isoform/base/error.h"
#include "isoform/compile/c_text.h"

namespace isoform::detail {

namespace {

constexpr const char* kDot = R"(
static inline float @_dot(const float *a, const float *b, size_t n) {
  $_SUM s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  const size_t fours = n - n % 4;
  size_t i = 0;
  for (; i < fours; i += 4) {
    s0 += ($_SUM)a[i] * b[i];
    s1 += ($_SUM)a[i + 1] * b[i + 1];
    s2 += ($_SUM)a[i + 2] * b[i + 2];
    s3 += ($_SUM)a[i + 3] * b[i + 3];
  }
  for (; i < n; ++i) s0 += ($_SUM)a[i] * b[i];
  return (float)((s0 + s1) + (s2 + s3));
}
)";

constexpr const char* kAdd = R"(
/* z += p A v, A row after row. */
static inline void @_add(const float *a, size_t rows, size_t columns, float p, const float *v, float *z) {
  for (size_t r = 0; r < rows; ++r) z[r] += p * @_dot(a + r * columns, v, columns);
}
)";

constexpr const char* kShift = R"(
/* z += p b. */
static inline void @_shift(const float *b, size_t rows, float p, float *z) {
  for (size_t r = 0; r < rows; ++r) z[r] += p * b[r];
}
)";

constexpr const char* kDiagonal = R"(
/* z += p d v, entry by entry. */
static inline void @_diagonal(const float *d, size_t rows, float p, const float *v, float *z) {
  for (size_t r = 0; r < rows; ++r) z[r] += p * d[r] * v[r];
}
)";

constexpr const char* kTriangle = R"(
/* z += p A v, where row r of each group begins at column r and keeps what follows. */
static inline void @_triangle(const float *a, const @_count *sizes, size_t groups, size_t columns, float p,
                              const float *v, float *z) {
  for (size_t g = 0; g < groups; ++g) {
    for (size_t r = 0; r < sizes[g]; ++r, ++z) {
      if (r >= columns) continue;
      *z += p * @_dot(a, v + r, columns - r);
      a += columns - r;
    }
  }
}
)";

constexpr const char* kStandardise = R"(
/* h = (x - mean) scale, and the 1 behind it. */
static inline void @_standardise(const float *x, const float *mean, const float *scale, size_t n, float *h) {
  for (size_t i = 0; i < n; ++i) h[i] = (x[i] - mean[i]) * scale[i];
  h[n] = 1.0f;
}
)";

constexpr const char* kZero = R"(
static inline void @_zero(float *z, size_t n) {
  for (size_t i = 0; i < n; ++i) z[i] = 0.0f;
}
)";

constexpr const char* kNorms = R"(
/* What grows with the length of each group. */
static inline void @_norms(const float *s, size_t groups, float *v) {
  for (size_t g = 0; g < groups; ++g) v[g] = 1.0f / s[g] - 1.0f;
}
)";

// s = G(t) for each group; h = s z where z was; then the 1, and s.
constexpr const char* kGate = R"(
/* In place: z to (h; 1; s). o == NULL: 0. */
static inline void @_gates_{name}(const @_count *sizes, const float *o, size_t groups, float *z, size_t n) {{
  float *s = z + n + 1;
  z[n] = 1.0f;
  for (size_t g = 0; g < groups; ++g) {{
    s[g] = @_{name}((o == NULL ? 0.0f : o[g]) + @_dot(z, z, sizes[g]));
    for (size_t i = 0; i < sizes[g]; ++i) z[i] *= s[g];
    z += sizes[g];
  }}
}}
)";

// A function of two statements for profiles with a series, by Horner, near 0.
std::string with_series(const char* name, const std::array<double, kRadialTerms>& c, int terms,
                        const char* far) {
  std::string horner = c_float(static_cast<float>(c[static_cast<std::size_t>(terms - 1)]));
  for (int k = terms - 2; k >= 0; --k) {
    horner = fmt::format("({}) * t + {}", horner,
                         c_float(static_cast<float>(c[static_cast<std::size_t>(k)])));
  }
  return fmt::format("static inline float @_{}(float t) {{\n  if (t < {}) return {};\n  {}\n}}\n",
                     name, c_float(static_cast<float>(kRadialSeriesBelow)), horner, far);
}

std::string radial(Radial radial) {
  const std::string floor = c_float(static_cast<float>(kRadialFloor));
  switch (radial) {
    case Radial::tanh:
      return "/* tanh(m) / m, m = sqrt(t); its series near 0. */\n" +
             with_series("tanh", tanh_series(), kTanhTerms,
                         "const float m = sqrtf(t), e = expf(-2.0f * m);\n"
                         "  return (1.0f - e) / ((1.0f + e) * m);");
    case Radial::asinh:
      return "/* asinh(m) / m, m = sqrt(t); its series near 0. */\n" +
             with_series("asinh", asinh_series(), kAsinhTerms,
                         "const float m = sqrtf(t);\n  return asinhf(m) / m;");
    case Radial::algebraic:
      return "/* 1 / sqrt(1 + t). */\n"
             "static inline float @_algebraic(float t) { return sqrtf(1.0f / (1.0f + t)); }\n";
    case Radial::log:
      return fmt::format(
          "/* log(1 + m) / m, m = sqrt(t); constant below. */\n"
          "static inline float @_log(float t) {{\n"
          "  const float m = sqrtf(t < {0} ? {0} : t);\n  return log1pf(m) / m;\n}}\n",
          floor);
    case Radial::softsign:
      return fmt::format(
          "/* 1 / (1 + m), m = sqrt(t); constant below. */\n"
          "static inline float @_softsign(float t) {{\n"
          "  return 1.0f / (1.0f + sqrtf(t < {0} ? {0} : t));\n}}\n",
          floor);
  }
  throw InternalError("c_kernels: a profile without a function");
}

}  // namespace

std::string c_kernels(std::set<CKernel> kernels, const std::set<Radial>& radials) {
  for (const CKernel kernel : {CKernel::add, CKernel::triangle}) {
    if (kernels.contains(kernel)) kernels.insert(CKernel::dot);
  }
  if (!radials.empty()) kernels.insert(CKernel::dot);
  constexpr std::array kSources = {kDot,      kAdd,         kShift, kDiagonal,
                                   kTriangle, kStandardise, kZero,  kNorms};
  std::string text;
  for (const CKernel kernel : kernels) text += kSources[static_cast<std::size_t>(kernel)];
  for (const Radial profile : radials) {
    text += "\n" + radial(profile);
    text += fmt::format(fmt::runtime(kGate), fmt::arg("name", radial_name(profile)));
  }
  return text;
}

}  // namespace isoform::detail
