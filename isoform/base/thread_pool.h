// The process's own threads. Work is cut into tiles by shape alone, so results never depend on how
// many threads carry it out: every tile is computed whole by one thread, and nothing is summed across
// tiles here.
#pragma once

#include <functional>
#include <memory>

namespace isoform {

/// A fixed team of threads, the caller among them. run() from inside a tile runs its tiles on that thread, in order. Idle workers spin briefly (tens of microseconds), then sleep.
class ThreadPool {
 public:
  /// threads >= 1 in all; 1 starts none.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const;

  /// Calls tile(i) once for each i in [0, count) and returns when all are done. If tiles
  /// throw, the others still finish, and the exception of the first of them (by i) is rethrown here.
  void run(int count, const std::function<void(int)>& tile);

  /// Cores this process may use (affinity respected), at least 1.
  static int available_cores();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace isoform
