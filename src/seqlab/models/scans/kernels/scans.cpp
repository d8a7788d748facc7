// What ../compiled.py calls: where each function lies, for 32-bit and for 64-bit numbers.
#include "cells.h"

#define SEQLAB_EXPORT(function)                                                \
  void* function##_float = reinterpret_cast<void*>(&seqlab::function<float>);  \
  void* function##_double = reinterpret_cast<void*>(&seqlab::function<double>);

extern "C" {
SEQLAB_EXPORT(rnn_forward)
SEQLAB_EXPORT(rnn_backward)
SEQLAB_EXPORT(gru_forward)
SEQLAB_EXPORT(gru_backward)
SEQLAB_EXPORT(lstm_forward)
SEQLAB_EXPORT(lstm_backward)

// Where the thread library lies that these functions use.
const void* thread_library() { return reinterpret_cast<const void*>(&omp_get_num_threads); }
}
