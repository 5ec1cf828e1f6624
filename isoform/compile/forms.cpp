#include "isoform/compile/forms.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/network/initialise.h"
#include "isoform/topology/perceptron.h"
#include "isoform/topology/sparsify.h"

namespace isoform {

namespace {

constexpr double kSeconds = 0.15;
constexpr int kLeast = 5;

template <class T>
Matrix<T> random_inputs(const Network<T>& network, Index samples) {
  Index inputs = 0;
  for (const int id : network.inputs()) inputs += network.space(id).dimension;
  return normal_matrix(inputs, samples, Random(0, Purpose::user)).template cast<T>();
}

template <class T>
void measure(Form<T>& form, const Matrix<T>& x, Engine<T>& engine) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::vector<double> times;
  for (const auto start = Clock::now();
       since(start) < kSeconds || static_cast<int>(times.size()) < kLeast;) {
    form.predictor.set_input(x);  // a run overwrites it
    const auto run = Clock::now();
    form.predictor.run(engine);
    times.push_back(since(run));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                   times.end());
  form.seconds = times[times.size() / 2];
}

}  // namespace

template <class T>
std::vector<Form<T>> measured_forms(const Network<T>& network, Index samples, Engine<T>& engine,
                                    double tolerance) {
  const Matrix<T> x = random_inputs(network, samples);
  std::vector<Form<T>> forms;
  Matrix<T> truth;
  const auto add = [&](const char* name, const Network<T>& other) {
    Form<T> form{name, Predictor<T>(other)};
    form.predictor.prepare(samples);
    form.predictor.set_input(x);
    form.predictor.run(engine);
    const Matrix<T> y = form.predictor.output();
    if (forms.empty()) truth = y;
    const double length = static_cast<double>(truth.norm());
    form.difference = static_cast<double>((y - truth).norm()) / (length > 0 ? length : 1);
    if (!(form.difference <= tolerance)) return;
    measure(form, x, engine);
    forms.push_back(std::move(form));
  };
  add("plain", network);
  const auto attempt = [&](const char* name, const auto& make) {
    try {
      add(name, make());
    } catch (const UsageError&) {
      // This network has no such form.
    }
  };
  attempt("sparse", [&] {
    Network<T> sparse = network;
    sparsify(sparse, plan_sparsity(sparse_shape(sparse)));
    return sparse;
  });
  attempt("two stages", [&] { return convert(network, Stages::two); });
  attempt("one stage", [&] { return convert(network, Stages::one); });
  std::stable_sort(forms.begin(), forms.end(),
                   [](const Form<T>& a, const Form<T>& b) { return a.seconds < b.seconds; });
  return forms;
}

template <class T>
double measured_seconds(const Network<T>& network, Index samples, Engine<T>& engine) {
  Form<T> form{"plain", Predictor<T>(network)};
  form.predictor.prepare(samples);
  measure(form, random_inputs(network, samples), engine);
  return form.seconds;
}

template std::vector<Form<float>> measured_forms(const Network<float>&, Index, Engine<float>&,
                                                 double);
template std::vector<Form<double>> measured_forms(const Network<double>&, Index, Engine<double>&,
                                                  double);
template double measured_seconds(const Network<float>&, Index, Engine<float>&);
template double measured_seconds(const Network<double>&, Index, Engine<double>&);

}  // namespace isoform
