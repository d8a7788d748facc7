// What ../compiled.py calls: each function for 32-bit and for 64-bit numbers.
#include "cells.h"

namespace {
using seqlab::Shape;
}

#define SEQLAB_EXPORT(name, R)                                                                   \
  void rnn_forward_##name(Shape shape, R* hidden, const R* start, const R* weight, R* packed) {  \
    seqlab::rnn_forward<R>(shape, hidden, start, weight, packed);                                \
  }                                                                                              \
  void rnn_backward_##name(Shape shape, const R* gradient, const R* hidden, const R* weight,     \
                           R* inner, R* arriving, R* packed) {                                   \
    seqlab::rnn_backward<R>(shape, gradient, hidden, weight, inner, arriving, packed);           \
  }                                                                                              \
  void gru_forward_##name(Shape shape, R* gates, R* candidates, const R* start, const R* weight, \
                          R* hidden, R* packed) {                                                \
    seqlab::gru_forward<R>(shape, gates, candidates, start, weight, hidden, packed);             \
  }                                                                                              \
  void gru_backward_##name(Shape shape, const R* gradient, const R* gates, const R* candidates,  \
                           const R* hidden, const R* start, const R* weight, R* inner,           \
                           R* of_candidates, R* arriving, R* packed) {                           \
    seqlab::gru_backward<R>(shape, gradient, gates, candidates, hidden, start, weight, inner,    \
                            of_candidates, arriving, packed);                                    \
  }                                                                                              \
  void lstm_forward_##name(Shape shape, R* gates, const R* start, const R* memory,               \
                           const R* weight, R* hidden, R* cells, R* squashed, R* packed) {       \
    seqlab::lstm_forward<R>(shape, gates, start, memory, weight, hidden, cells, squashed,        \
                            packed);                                                             \
  }                                                                                              \
  void lstm_backward_##name(Shape shape, const R* gradient, const R* gates, const R* cells,      \
                            const R* squashed, const R* memory, const R* weight, R* inner,       \
                            R* of_memory, R* arriving, R* packed) {                              \
    seqlab::lstm_backward<R>(shape, gradient, gates, cells, squashed, memory, weight, inner,     \
                             of_memory, arriving, packed);                                       \
  }

extern "C" {
SEQLAB_EXPORT(float, float)
SEQLAB_EXPORT(double, double)

// Where the thread library lies that these functions use.
const void* thread_library() { return reinterpret_cast<const void*>(&omp_get_num_threads); }
}
