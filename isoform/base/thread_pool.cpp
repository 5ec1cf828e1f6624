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

// Each thread begins with its own stretch of a job's tiles, so that it meets again what its cache holds of the last job
// (weights, moments), and then helps the others from the far ends of theirs. A stretch is one word, (generation | begin |
// end), so that a worker that wakes late can never take a tile of a job it has not seen; run() waits for tiles, not for
// sleepers.
namespace {
constexpr int kBits = 20;
constexpr std::uint64_t kField = (1U << kBits) - 1;
constexpr std::uint64_t kGenerations = std::uint64_t{1} << (64 - 2 * kBits);
struct Stretch {
  std::uint64_t generation, begin, end;
  explicit Stretch(std::uint64_t word)
      : generation(word >> (2 * kBits)), begin((word >> kBits) & kField), end(word & kField) {}
  Stretch(std::uint64_t g, std::uint64_t b, std::uint64_t e) : generation(g), begin(b), end(e) {}
  [[nodiscard]] std::uint64_t word() const {
    return (generation << (2 * kBits)) | (begin << kBits) | end;
  }
};
struct alignas(64) Share {  // a cache line each
  std::atomic<std::uint64_t> word{0};
};
}  // namespace

namespace {
thread_local bool in_tile = false;
}

struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Share> shares;  // of the caller, of the workers
  std::atomic<std::uint64_t> generation{0};
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

  void work(std::size_t self, std::uint64_t job) {
    for (std::size_t k = 0; k < shares.size(); ++k) {
      std::atomic<std::uint64_t>& share = shares[(self + k) % shares.size()].word;
      std::uint64_t word = share.load();
      while (true) {
        const Stretch left(word);
        if (left.generation != job || left.begin >= left.end) break;
        const bool own = k == 0;
        const Stretch rest(job, left.begin + (own ? 1 : 0), left.end - (own ? 0 : 1));
        if (!share.compare_exchange_weak(word, rest.word())) continue;
        run_tile(*tile, static_cast<int>(own ? left.begin : rest.end));
        unfinished.fetch_sub(1);
        word = share.load();
      }
    }
  }

  void loop(std::size_t self) {
    std::uint64_t seen = 0;
    const auto news = [&] { return generation.load() != seen || stop.load(); };
    while (true) {
      for (int spin = 0; spin < kSpins && !news(); ++spin) relax();
      if (!news()) {
        std::unique_lock lock(mutex);
        wake.wait(lock, news);
      }
      if (stop.load()) return;
      seen = generation.load();
      work(self, seen);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads < 1) throw UsageError("threads: needs at least 1");
  state_->shares = std::vector<Share>(static_cast<std::size_t>(threads));
  for (std::size_t i = 1; i < state_->shares.size(); ++i) {
    state_->workers.emplace_back([s = state_.get(), i] { s->loop(i); });
  }
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
  std::uint64_t job = 0;
  {
    const std::scoped_lock lock(s.mutex);
    s.tile = &tile;
    s.failure = nullptr;
    s.unfinished = count;
    job = (s.generation.load() + 1) % kGenerations;
    const auto all = static_cast<std::uint64_t>(count), team = std::uint64_t{s.shares.size()};
    for (std::uint64_t w = 0; w < team; ++w) {
      s.shares[w].word = Stretch(job, all * w / team, all * (w + 1) / team).word();
    }
    s.generation = job;
  }
  s.wake.notify_all();
  s.work(0, job);
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
