#include "isoform/linalg/engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isoform/base/error.h"
#include "isoform/base/thread_pool.h"
#include "isoform/linalg/engines.h"

namespace isoform {

std::vector<std::string> engine_names() { return {"cpu", "bfloat16", "reference"}; }

template <class T>
std::unique_ptr<Engine<T>> create_engine(const EngineSettings& settings) {
  if (settings.threads < 0 || settings.threads > kMaxThreads) {
    throw UsageError(fmt::format("threads: needs 1 to {}, or 0 for all cores, got {}", kMaxThreads,
                                 settings.threads));
  }
  const int threads = settings.threads == 0 ? ThreadPool::available_cores() : settings.threads;
  if (settings.name == "cpu") return make_cpu_engine<T>(threads);
  if (settings.name == "bfloat16") return make_bfloat16_engine<T>(threads);
  if (settings.name == "reference") return make_reference_engine<T>();
  throw UsageError(fmt::format("engine: '{}' is unknown; known are {}", settings.name,
                               fmt::join(engine_names(), ", ")));
}

template std::unique_ptr<Engine<float>> create_engine(const EngineSettings&);
template std::unique_ptr<Engine<double>> create_engine(const EngineSettings&);

}  // namespace isoform
