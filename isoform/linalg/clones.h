// One loop, compiled for several instruction sets and chosen when the program starts, so that the same
// binary runs on any x86-64 and still uses AVX2 or AVX-512 where the processor has them.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ISOFORM_CLONES \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"), flatten))
#else
#define ISOFORM_CLONES
#endif

namespace isoform {

/// The instruction set that the clones run with on this processor, for example "x86-64-v4".
const char* instruction_set();

}  // namespace isoform
