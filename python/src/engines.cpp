#include "python/src/engines.h"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace isoform::python {

namespace {

template <class T>
struct Shelf {
  std::mutex mutex;
  std::map<std::pair<std::string, int>, std::vector<std::unique_ptr<Engine<T>>>> free;
};

// Never destroyed: neither at exit, when other threads may still compute, nor in a child of a fork.
template <class T>
Shelf<T>*& shelf() {
  static auto* one = new Shelf<T>;
  return one;
}

}  // namespace

template <class T>
EngineLease<T>::EngineLease(const EngineSettings& settings) : settings_(settings) {
  {
    const std::scoped_lock lock(shelf<T>()->mutex);
    auto& free = shelf<T>()->free[{settings.name, settings.threads}];
    if (!free.empty()) {
      engine_ = std::move(free.back());
      free.pop_back();
    }
  }
  if (!engine_) engine_ = create_engine<T>(settings);
}

template <class T>
EngineLease<T>::~EngineLease() {
  const std::scoped_lock lock(shelf<T>()->mutex);
  shelf<T>()->free[{settings_.name, settings_.threads}].push_back(std::move(engine_));
}

void forget_engines() {
  shelf<float>() = new Shelf<float>;
  shelf<double>() = new Shelf<double>;
}

template class EngineLease<float>;
template class EngineLease<double>;

}  // namespace isoform::python
