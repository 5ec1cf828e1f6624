#include "isoform/activation/radial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

const std::vector<Radial> kAll = {Radial::tanh, Radial::asinh, Radial::algebraic, Radial::log,
                                  Radial::softsign};

struct Value {
  Real s, kappa;
};

// kappa = 2 G'(t) in long double: in closed form, near 0 by the series of docs/mathematics.md 1.4.
Value truth(Radial radial, Real t) {
  const Real m = std::sqrt(t), s = oracle_gate(radial, t);
  switch (radial) {
    case Radial::tanh: {
      if (t < 0.01L) {  // Σ c_k t^k with the coefficients of tanh, to t^8
        const Real c[] = {1.0L,
                          -1 / 3.0L,
                          2 / 15.0L,
                          -17 / 315.0L,
                          62 / 2835.0L,
                          -1382 / 155925.0L,
                          21844 / 6081075.0L,
                          -929569 / 638512875.0L,
                          6404582 / 10854718875.0L};
        Value v{0, 0};
        for (int k = 8; k >= 0; --k) v.s = v.s * t + c[k];
        for (int k = 8; k >= 1; --k) v.kappa = v.kappa * t + 2 * k * c[k];
        return v;
      }
      const Real e = std::exp(-2 * m);
      return {s, (4 * e / ((1 + e) * (1 + e)) - s) / t};
    }
    case Radial::asinh: {
      if (t < 0.01L) {
        const Real c[] = {1.0L,
                          -1 / 6.0L,
                          3 / 40.0L,
                          -15 / 336.0L,
                          105 / 3456.0L,
                          -945 / 42240.0L,
                          10395 / 599040.0L,
                          -135135 / 9676800.0L,
                          2027025 / 175472640.0L};
        Value v{0, 0};
        for (int k = 8; k >= 0; --k) v.s = v.s * t + c[k];
        for (int k = 8; k >= 1; --k) v.kappa = v.kappa * t + 2 * k * c[k];
        return v;
      }
      return {s, (1 / std::sqrt(1 + t) - s) / t};
    }
    case Radial::algebraic:
      return {s, -s / (1 + t)};
    case Radial::log:
      return {s, t < 1e-6L ? 0 : (1 / (1 + m) - s) / t};
    case Radial::softsign:
      return {s, t < 1e-6L ? 0 : -s * s / m};
  }
  return {};
}

template <class T>
std::vector<T> grid() {
  std::vector<T> t = {T(0), std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::min()};
  for (double e = -30; e <= 12; e += 0.01) t.push_back(static_cast<T>(std::pow(10.0, e)));
  for (int i = -40; i <= 40; ++i) t.push_back(static_cast<T>(0.04 * (1 + 1e-3 * i)));
  for (T near = T(0.04), i = 0; i < 20; ++i) {
    t.push_back(near);
    t.push_back(T(0.08) - near);
    near = std::nextafter(near, T(0));
  }
  return t;
}

template <class T>
void compare(Radial radial, double s_tolerance, double kappa_tolerance) {
  const auto t = grid<T>();
  std::vector<T> s(t.size()), kappa(t.size());
  radial_function<T>(radial)(static_cast<Index>(t.size()), t.data(), s.data(), kappa.data());
  Worst worst_s, worst_kappa;
  for (std::size_t i = 0; i < t.size(); ++i) {
    // The floor in the network's scalar is not the number 1e-6.
    if (std::abs(double(t[i]) / kRadialFloor - 1) < 1e-6) continue;
    const Value v = truth(radial, Real{t[i]});
    const std::string where = fmt::format("t = {:.17g}", double(t[i]));
    worst_s.add(static_cast<double>(std::abs(s[i] - v.s) / v.s), where);
    worst_kappa.add(static_cast<double>(v.kappa == 0 ? std::abs(Real{kappa[i]})
                                                     : std::abs(kappa[i] / v.kappa - 1)),
                    where);
  }
  const std::string name =
      std::string(radial_name(radial)) + (std::is_same_v<T, double> ? "_double" : "_float");
  measured("s_" + name, worst_s.error);
  measured("kappa_" + name, worst_kappa.error);
  EXPECT_LE(worst_s.error, s_tolerance) << name << " " << worst_s.where;
  EXPECT_LE(worst_kappa.error, kappa_tolerance) << name << " " << worst_kappa.where;
}

TEST(Radial, DoubleAgreesWithLongDouble) {
  constexpr double ulp = std::numeric_limits<double>::epsilon();
  // Closed forms of kappa cancel by a factor of about 40 just above the switch to the series.
  compare<double>(Radial::tanh, 3 * ulp, 2e-14);
  compare<double>(Radial::asinh, 3 * ulp, 2e-14);
  compare<double>(Radial::algebraic, 2 * ulp, 4 * ulp);
  compare<double>(Radial::softsign, 2 * ulp, 8 * ulp);
  // log has no series: kappa cancels down to the floor, m = 1e-3.
  compare<double>(Radial::log, 3 * ulp, 2e3 * ulp);
}

TEST(Radial, FloatKeepsWhatTheHeaderPromises) {
  constexpr double ulp = std::numeric_limits<float>::epsilon();
  compare<float>(Radial::tanh, 3 * ulp, 2e-5);
  compare<float>(Radial::asinh, 3 * ulp, 2e-5);
  compare<float>(Radial::algebraic, 2 * ulp, 4 * ulp);
  compare<float>(Radial::softsign, 3 * ulp, 8 * ulp);
  compare<float>(Radial::log, 3 * ulp, 2e3 * ulp);
}

// Neighbouring t on both sides of the switch give neighbouring values: no jump that training could see.
TEST(Radial, HasNoJumpAtTheSwitch) {
  for (const Radial radial : {Radial::tanh, Radial::asinh}) {
    const double t[] = {std::nextafter(0.04, 0.0), 0.04};
    double s[2], kappa[2];
    radial_function<double>(radial)(2, t, s, kappa);
    EXPECT_LE(std::abs(s[1] / s[0] - 1), 1e-15) << radial_name(radial);
    EXPECT_LE(std::abs(kappa[1] / kappa[0] - 1), 2e-14) << radial_name(radial);
  }
}

TEST(Radial, KappaIsTwiceTheSlope) {
  for (const Radial radial : kAll) {
    for (const double t : {1e-3, 0.02, 0.039, 0.041, 0.3, 1.0, 5.0, 40.0, 1e3}) {
      const double h = 1e-3 * t;
      const auto gate = [&](double at) { return radial_gate(radial, at); };
      const double slope =
          (8 * (gate(t + h) - gate(t - h)) - (gate(t + 2 * h) - gate(t - 2 * h))) / (12 * h);
      double s = 0, kappa = 0;
      radial_function<double>(radial)(1, &t, &s, &kappa);
      // Differences of G ≈ 1 carry an ulp over h.
      EXPECT_NEAR(kappa / 2, slope, 1e-9 * std::abs(slope) + 2e-16 / h)
          << radial_name(radial) << " at " << t;
      EXPECT_EQ(s, gate(t));
    }
  }
}

template <class T>
void check_extremes() {
  for (const Radial radial : kAll) {
    const T t[] = {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::max(),
                   std::numeric_limits<T>::infinity()};
    T s[3], kappa[3];
    radial_function<T>(radial)(3, t, s, kappa);
    EXPECT_TRUE(std::isnan(s[0])) << radial_name(radial);
    EXPECT_TRUE(std::isnan(kappa[0])) << radial_name(radial);
    EXPECT_TRUE(s[1] >= 0 && s[1] < T(1e-10)) << radial_name(radial) << " " << s[1];
    EXPECT_TRUE(kappa[1] <= 0 && kappa[1] > T(-1e-10)) << radial_name(radial) << " " << kappa[1];
    if (radial != Radial::asinh && radial != Radial::log) {
      EXPECT_EQ(s[2], T(0)) << radial_name(radial);
      EXPECT_EQ(kappa[2], T(0)) << radial_name(radial);
    }
  }
}

TEST(Radial, NaNPropagatesAndInfinityClosesTheGate) {
  check_extremes<float>();
  check_extremes<double>();
}

// docs/mathematics.md 1.2: 0 < s ≤ 1, kappa ≤ 0, and the eigenvalue along z lies between 0 and s; tanh has
// |kappa| ≤ min(2/3, t^(-3/2)), sup |kappa| t = 0.42574 and sup |dG/dm| = 0.34342.
template <class T>
void check_bounds() {
  const T slack = 4 * std::numeric_limits<T>::epsilon();
  for (const Radial radial : kAll) {
    const auto t = grid<T>();
    std::vector<T> s(t.size()), kappa(t.size());
    radial_function<T>(radial)(static_cast<Index>(t.size()), t.data(), s.data(), kappa.data());
    double most_t = 0, most_m = 0;
    for (std::size_t i = 0; i < t.size(); ++i) {
      ASSERT_TRUE(s[i] > 0 && s[i] <= 1 + slack) << radial_name(radial) << " " << t[i];
      ASSERT_LE(kappa[i], 0) << radial_name(radial) << " " << t[i];
      ASSERT_GE(s[i] + kappa[i] * t[i], -slack * s[i]) << radial_name(radial) << " " << t[i];
      if (radial != Radial::tanh) continue;
      ASSERT_GE(kappa[i], T(-2) / 3 * (1 + slack));
      ASSERT_LE(double(-kappa[i]), (1 + double(slack)) * std::pow(double(t[i]), -1.5));
      ASSERT_LT(double(s[i]) * std::sqrt(double(t[i])), 1 + double(slack)) << "|f| < 1";
      most_t = std::max(most_t, double(-kappa[i]) * double(t[i]));
      most_m = std::max(most_m, double(-kappa[i]) * std::sqrt(double(t[i])));
    }
    if (radial == Radial::tanh) {
      EXPECT_NEAR(most_t, 0.42574, 1e-5);
      EXPECT_NEAR(most_m, 0.34342, 1e-5);
    }
  }
}

TEST(Radial, KeepsItsBounds) {
  check_bounds<float>();
  check_bounds<double>();
}

// An array longer than any vector register, at every offset: the same values as one at a time.
TEST(Radial, ArraysGiveWhatSingleValuesGive) {
  for (const Radial radial : kAll) {
    std::vector<float> t(67), s(67), kappa(67);
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = std::exp(0.3F * float(i) - 12);
    radial_function<float>(radial)(67, t.data(), s.data(), kappa.data());
    for (std::size_t i = 0; i < t.size(); ++i) {
      float one_s = 0, one_kappa = 0;
      radial_function<float>(radial)(1, &t[i], &one_s, &one_kappa);
      EXPECT_NEAR(s[i], one_s, 2e-7F * one_s) << radial_name(radial) << " " << t[i];
      EXPECT_NEAR(kappa[i], one_kappa, 3e-6F * std::abs(one_kappa)) << radial_name(radial);
    }
  }
}

TEST(Radial, NamesComeBack) {
  for (const Radial radial : kAll) EXPECT_EQ(radial_from_name(radial_name(radial)), radial);
  EXPECT_EQ(radial_names().size(), kAll.size());
  try {
    radial_from_name("relu");
    FAIL() << "did not throw";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("relu"));
    EXPECT_THAT(error.what(), HasSubstr("softsign"));
  }
}

}  // namespace
}  // namespace isoform
