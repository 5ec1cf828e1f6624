// A training step of dlib's network of this shape: 784-128-128-10, tanh neurons, Adam. For bench/compare.
//
//   build/release/bench/bench_dlib BATCH SECONDS      prints the median milliseconds of a step
#include <dlib/dnn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

using Net = dlib::loss_multiclass_log<dlib::fc<
    10, dlib::htan<dlib::fc<128, dlib::htan<dlib::fc<128, dlib::input<dlib::matrix<float>>>>>>>>;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_dlib BATCH SECONDS\n");
    return 2;
  }
  const int batch = std::atoi(argv[1]);
  const double seconds = std::atof(argv[2]);
  dlib::rand dice(0);
  std::vector<dlib::matrix<float>> x;
  std::vector<unsigned long> y;
  for (int i = 0; i < batch; ++i) {
    dlib::matrix<float> one(784, 1);
    for (long k = 0; k < one.size(); ++k) one(k) = static_cast<float>(dice.get_random_gaussian());
    x.push_back(one);
    y.push_back(static_cast<unsigned long>(i % 10));
  }
  Net net;
  std::vector<dlib::adam> solvers(net.num_computational_layers, dlib::adam(1e-6F, 0.9F, 0.999F));
  dlib::resizable_tensor inputs;
  net.to_tensor(x.begin(), x.end(), inputs);
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const double before = net.compute_loss(inputs, y.begin());
  std::vector<double> times;
  for (const auto start = Clock::now(); since(start) < seconds || times.size() < 20;) {
    const auto step = Clock::now();
    net.compute_parameter_gradients(inputs, y.begin());
    net.update_parameters(dlib::make_sstack(solvers), 1e-3);
    times.push_back(1e3 * since(step));
  }
  if (!(net.compute_loss(inputs, y.begin()) < before)) {
    std::fprintf(stderr, "bench_dlib: the network does not learn\n");
    return 1;
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                   times.end());
  std::printf("%.6f\n", times[times.size() / 2]);
  return 0;
}
