#include "isoform/serve/batcher.h"

#include <algorithm>

#include "isoform/serve/http.h"

namespace isoform {

Batcher::Batcher(const BatcherSettings& settings)
    : settings_(settings), engine_(create_engine<float>({"cpu", settings.threads})) {
  thread_ = std::thread([this] { work(); });
}

Batcher::~Batcher() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Matrix<float> Batcher::answer(const VersionPtr& version, std::size_t task, Matrix<float> x) {
  Question question;
  question.version = version;
  question.task = task;
  question.y.resize(version->tasks[task].outputs, x.cols());
  question.x = std::move(x);
  if (question.x.cols() == 0) return std::move(question.y);
  std::unique_lock lock(mutex_);
  if (samples_ > 0 && samples_ + question.x.cols() > settings_.waiting) {
    throw HttpError(503, "too many samples wait for this model; come back in a moment",
                    {{"Retry-After", "1"}});
  }
  samples_ += question.x.cols();
  // It is taken from there before it is ready, and this waits for that.
  // cppcheck-suppress danglingLifetime
  waiting_.push_back(&question);
  wake_.notify_one();
  question.wake.wait(lock, [&] { return question.ready; });
  if (question.failed) throw HttpError(500, "the model could not be run on these samples");
  return std::move(question.y);
}

std::vector<Batcher::Part> Batcher::take() {
  std::vector<Part> parts;
  Index room = settings_.batch;
  std::deque<Question*> left;
  const VersionPtr version = waiting_.front()->version;
  const std::size_t task = waiting_.front()->task;
  for (Question* question : waiting_) {
    if (room == 0 || question->version != version || question->task != task) {
      left.push_back(question);
      continue;
    }
    const Index count = std::min(room, question->x.cols() - question->done);
    parts.push_back({question, question->done, count});
    question->done += count;
    room -= count;
  }
  // What is not finished goes behind the others.
  for (const Part& part : parts) {
    samples_ -= part.count;
    if (part.question->done < part.question->x.cols()) left.push_back(part.question);
  }
  waiting_ = std::move(left);
  return parts;
}

void Batcher::run(const std::vector<Part>& parts) {
  const Question& first = *parts.front().question;
  const ServedTask& task = first.version->tasks[first.task];
  if (version_ != first.version || task_ != first.task) {
    predictor_ = std::make_unique<Predictor<float>>(task.predictor);
    version_ = first.version;
    task_ = first.task;
  }
  Index samples = 0;
  for (const Part& part : parts) samples += part.count;
  predictor_->prepare(samples);
  Index column = 0;
  for (const Part& part : parts) {
    Index row = 0;
    for (std::size_t k = 0; k < task.inputs.size(); ++k) {
      View<float> to = predictor_->input(k);
      to.middleCols(column, part.count) =
          part.question->x.block(row, part.first, to.rows(), part.count);
      row += to.rows();
    }
    column += part.count;
  }
  predictor_->run(*engine_);
  const View<float> y = predictor_->output();
  column = 0;
  for (const Part& part : parts) {
    part.question->y.middleCols(part.first, part.count) = y.middleCols(column, part.count);
    column += part.count;
  }
  if (on_batch) on_batch(samples, static_cast<Index>(parts.size()));
}

void Batcher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::vector<Part> parts = take();
    lock.unlock();
    bool failed = false;
    try {
      run(parts);
    } catch (const std::exception&) {
      failed = true;
      version_.reset();
      predictor_.reset();
    }
    lock.lock();
    for (const Part& part : parts) {
      Question& question = *part.question;
      question.failed = question.failed || failed;
      if (part.first + part.count == question.x.cols()) {
        question.ready = true;
        question.wake.notify_one();
      }
    }
  }
}

}  // namespace isoform
