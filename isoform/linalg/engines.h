// The engines that are built in; create_engine (engine.h) is the public door. Private to linalg.
#pragma once

#include <memory>

#include "isoform/linalg/engine.h"

namespace isoform {

template <class T>
std::unique_ptr<Engine<T>> make_reference_engine();
template <class T>
std::unique_ptr<Engine<T>> make_cpu_engine(int threads);

/// The engine "cpu" with products of matrices of float, not of vectors, by bfloat16.h; of double they are as ever. Throws UsageError
/// where the processor has none.
template <class T>
std::unique_ptr<Engine<T>> make_bfloat16_engine(int threads);

}  // namespace isoform
