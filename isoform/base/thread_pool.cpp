#include "isoform/base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "isoform/base/error.h"

namespace isoform {

namespace {
constexpr int kSpins = 4000;  // about 20–50 µs: shorter than the gap between two products of a step

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}
}  // namespace

// A job's tiles are claimed through one word, (generation | count | next), so that a worker that wakes
// late can never take a tile of a job it has not seen; run() waits for tiles, not for sleepers.
namespace {
constexpr int kBits = 20;
constexpr std::uint64_t kField = (1U << kBits) - 1;
std::uint64_t next_of(std::uint64_t ticket) { return ticket & kField; }
std::uint64_t count_of(std::uint64_t ticket) { return (ticket >> kBits) & kField; }
std::uint64_t generation_of(std::uint64_t ticket) { return ticket >> (2 * kBits); }
}  // namespace

namespace {
thread_local bool in_tile = false;
}

struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<std::uint64_t> ticket{0};
  std::atomic<int> unfinished{0};
  std::atomic<bool> stop{false};
  const std::function<void(int)>* tile = nullptr;  // valid while a claimed tile is unfinished
  std::exception_ptr failure;                      // of the failing tile with the smallest index
  int failed_tile = 0;

  void run_tile(const std::function<void(int)>& job, int i) {
    const bool nested = std::exchange(in_tile, true);
    try {
      job(i);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (!failure || i < failed_tile) {
        failure = std::current_exception();
        failed_tile = i;
      }
    }
    in_tile = nested;
  }

  void work() {
    std::uint64_t seen = ticket.load();
    while (next_of(seen) < count_of(seen)) {
      if (!ticket.compare_exchange_weak(seen, seen + 1)) continue;
      run_tile(*tile, static_cast<int>(next_of(seen)));
      unfinished.fetch_sub(1);
      seen = ticket.load();
    }
  }

  void loop() {
    std::uint64_t seen = 0;
    const auto news = [&] { return generation_of(ticket.load()) != seen || stop.load(); };
    while (true) {
      for (int spin = 0; spin < kSpins && !news(); ++spin) relax();
      if (!news()) {
        std::unique_lock lock(mutex);
        wake.wait(lock, news);
      }
      if (stop.load()) return;
      seen = generation_of(ticket.load());
      work();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads < 1) throw UsageError("threads: needs at least 1");
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([s = state_.get()] { s->loop(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stop = true;
  }
  state_->wake.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::run(int count, const std::function<void(int)>& tile) {
  if (in_tile) {  // the others are busy with tiles of the same job
    for (int i = 0; i < count; ++i) tile(i);
    return;
  }
  State& s = *state_;
  if (s.workers.empty() || count <= 1) {
    s.failure = nullptr;
    for (int i = 0; i < count; ++i) s.run_tile(tile, i);
    if (s.failure) std::rethrow_exception(s.failure);
    return;
  }
  ISOFORM_ASSERT(static_cast<std::uint64_t>(count) < kField, "tiles of one job");
  {
    const std::scoped_lock lock(s.mutex);
    s.tile = &tile;
    s.failure = nullptr;
    s.unfinished = count;
    const std::uint64_t generation = generation_of(s.ticket.load()) + 1;
    s.ticket = (generation << (2 * kBits)) | (static_cast<std::uint64_t>(count) << kBits);
  }
  s.wake.notify_all();
  s.work();
  for (int spin = 0; s.unfinished.load() > 0; ++spin) {
    if (spin < kSpins) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }
  if (s.failure) std::rethrow_exception(s.failure);
}

int ThreadPool::available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace isoform
