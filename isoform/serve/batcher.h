// Many small questions at once, answered by one product: everything that waits goes into one batch.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "isoform/serve/version.h"

namespace isoform {

struct BatcherSettings {
  Index batch = 256;      // samples of a batch at most
  Index waiting = 65536;  // samples that may wait
  int threads = 1;        // of the engine
};

/// One thread and one engine. A question is answered by the version that it was asked of: versions change between batches, nobody
/// waits for a change, and what came before is finished by what was there. A question longer than a batch is answered in parts, in
/// turn with others.
class Batcher {
 public:
  explicit Batcher(const BatcherSettings& settings);
  ~Batcher();  // answers what waits
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// Logits [outputs × samples] of standardised samples x [features × samples] of a task. Waits for them. HttpError 503 where too
  /// many wait, 500 where the engine fails.
  Matrix<float> answer(const VersionPtr& version, std::size_t task, Matrix<float> x);

  /// Told of each batch: samples, questions; from the batcher's thread. Before the first question.
  std::function<void(Index samples, Index questions)> on_batch;

 private:
  struct Question {
    VersionPtr version;
    std::size_t task = 0;
    Matrix<float> x, y;
    Index done = 0;
    bool ready = false, failed = false;
    std::condition_variable wake;
  };
  struct Part {
    Question* question;
    Index first, count;
  };
  void work();
  std::vector<Part> take();  // of one version and task; under the lock
  void run(const std::vector<Part>& parts);

  BatcherSettings settings_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Question*> waiting_;
  Index samples_ = 0;  // that wait
  bool ending_ = false;
  std::unique_ptr<Engine<float>> engine_;
  // The last version and task, with buffers of this thread.
  VersionPtr version_;
  std::size_t task_ = 0;
  std::unique_ptr<Predictor<float>> predictor_;
  std::thread thread_;
};

}  // namespace isoform
