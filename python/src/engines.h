// Engines for calls from any thread: one serves one caller at a time, and threads are dear to start, so that those that are done wait for
// the next call.
#pragma once

#include <memory>
#include <string>

#include "isoform/linalg/engine.h"

namespace isoform::python {

/// An engine for as long as it lives.
template <class T>
class EngineLease {
 public:
  /// threads 0: all cores.
  explicit EngineLease(const EngineSettings& settings);
  ~EngineLease();
  EngineLease(const EngineLease&) = delete;
  EngineLease& operator=(const EngineLease&) = delete;
  Engine<T>& operator*() { return *engine_; }

 private:
  EngineSettings settings_;
  std::unique_ptr<Engine<T>> engine_;
};

/// In the child of a fork, where the threads of the parent's engines are not.
void forget_engines();

}  // namespace isoform::python
