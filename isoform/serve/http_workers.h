// Threads that are made when they are needed, up to a number, and then kept.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace isoform {

class HttpWorkers {
 public:
  explicit HttpWorkers(std::size_t most) : most_(most) {}
  /// Jobs begin in their order. Where the system gives no more threads, they wait for one that is free. Jobs do not throw.
  void add(std::function<void()> job);
  /// Finishes what was added, and ends the threads.
  void join();

 private:
  void work();

  std::size_t most_, idle_ = 0;
  bool ending_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace isoform
