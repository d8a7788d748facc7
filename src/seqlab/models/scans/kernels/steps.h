// Time steps over all threads: the matrix product of a step, and what a cell makes of it.
//
// Every thread keeps the weights of its own units in its own cache, and computes those units for
// all rows of the batch; after each step the threads wait for one another once. A number is
// summed by one thread in one order, so that results depend neither on how many threads there are
// nor on the rows beside it.
#pragma once

#include <omp.h>
#include <sched.h>

#include <atomic>
#include <utility>

#include "numbers.h"

namespace seqlab {

// How many numbers of a row are turned at a time: a cache line.
constexpr int64_t CHUNK = 16;

struct Shape {
  int64_t num_steps, num_rows, size;  // T, B, H
  int num_threads;
};

// How many threads work on panels of weights: for less work than this they would wait for one
// another longer than they work.
inline int working_threads(const Shape& shape, int num_gates, int64_t num_panels) {
  constexpr int64_t WORTH_A_THREAD = 100000;  // additions and multiplications of a step
  const int64_t work = 2 * shape.num_rows * num_gates * shape.size * shape.size;
  const int64_t worth = work / WORTH_A_THREAD < num_panels ? work / WORTH_A_THREAD : num_panels;
  if (worth <= 1) return 1;
  return worth < shape.num_threads ? int(worth) : shape.num_threads;
}

// Where threads wait for one another. They look again and again, as a step is short; but where
// others want the core, such as a second run on this machine, they leave it to them.
class Barrier {
 public:
  void wait(int num_threads) {
    const int turn = turn_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == num_threads) {
      arrived_.store(0, std::memory_order_relaxed);
      turn_.store(turn + 1, std::memory_order_release);
      return;
    }
    for (int looks = 0; turn_.load(std::memory_order_acquire) == turn; looks++) {
      if (looks >= PATIENCE) sched_yield();
#ifdef __x86_64__
      __builtin_ia32_pause();
#endif
    }
  }

 private:
  static constexpr int PATIENCE = 1000;  // some ten microseconds
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<int> turn_{0};
};

// `body(begin, end, meet)` in every thread that works, for its share of the panels; `meet` waits
// until all of them have called it.
template <class Body>
void share_panels(const Shape& shape, int num_gates, int64_t num_panels, const Body& body) {
  const int wanted = working_threads(shape, num_gates, num_panels);
  Barrier barrier;
  // All threads or one: to ask for another number would end some, and begin them anew next time.
#pragma omp parallel num_threads(wanted > 1 ? shape.num_threads : 1)
  {
    const int64_t one = omp_get_thread_num(), there = omp_get_num_threads();
    const int64_t all = wanted < there ? wanted : there;
    if (one < all)
      body(num_panels * one / all, num_panels * (one + 1) / all, [&] { barrier.wait(int(all)); });
  }
}

SEQLAB_INLINE int64_t panels(int64_t size, int64_t width) { return (size + width - 1) / width; }

// How many numbers of a vector that begins at `first` lie before `end`; none: zero or less.
template <class R>
SEQLAB_INLINE int within(int64_t first, int64_t end) {
  return int(end - first < LANES<R> ? end - first : LANES<R>);
}

// Keeps the compiler from loading a vector again for each of its uses.
template <class V>
SEQLAB_INLINE void hold([[maybe_unused]] V& values) {
#if defined(__AVX512F__)
  asm("" : "+v"(values));
#elif defined(__AVX__)
  asm("" : "+x"(values));
#endif
}

// How many vectors are summed at a time, and for how many rows: as many as there are registers.
template <int VECTORS>
constexpr int TOGETHER = VECTORS % 2 ? VECTORS : 2;
template <int VECTORS>
constexpr int MOST_ROWS = (NUM_REGISTERS - 4) / TOGETHER<VECTORS> < 8
                              ? (NUM_REGISTERS - 4) / TOGETHER<VECTORS>
                              : 8;

// sums[r][v] = the sum over k of left[r][k] panel[k][v].
template <class R, int ROWS, int VECTORS>
SEQLAB_INLINE void multiply(const R* left, int64_t stride, const R* panel, int64_t inner,
                            Vec<R> (&sums)[ROWS][VECTORS]) {
  constexpr int together = TOGETHER<VECTORS>;
#pragma GCC unroll 4
  for (int first = 0; first < VECTORS; first += together) {
    Vec<R> part[ROWS][together] = {};
    const R* here = panel + first * LANES<R>;
    for (int64_t k = 0; k < inner; k++) {
      Vec<R> weights[together];
#pragma GCC unroll 8
      for (int v = 0; v < together; v++) {
        weights[v] = load(here + (k * VECTORS + v) * LANES<R>);
        hold(weights[v]);
      }
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; r++) {
        const R value = left[r * stride + k];
#pragma GCC unroll 8
        for (int v = 0; v < together; v++) part[r][v] += value * weights[v];
      }
    }
    for (int r = 0; r < ROWS; r++)
      for (int v = 0; v < together; v++) sums[r][first + v] = part[r][v];
  }
}

template <int ROWS, class Body>
SEQLAB_INLINE void call_with_rows(int num_rows, const Body& body) {
  if constexpr (ROWS > 0) {
    if (num_rows == ROWS)
      body(std::integral_constant<int, ROWS>{});
    else
      call_with_rows<ROWS - 1>(num_rows, body);
  }
}

// Rows in blocks of nearly one size, as large as the registers hold sums for.
template <int VECTORS, class Body>
SEQLAB_INLINE void for_blocks(int64_t num_rows, const Body& body) {
  constexpr int most = MOST_ROWS<VECTORS>;
  const int64_t count = (num_rows + most - 1) / most;
  for (int64_t block = 0; block < count; block++) {
    const int64_t first = num_rows * block / count, end = num_rows * (block + 1) / count;
    call_with_rows<most>(int(end - first), [&](auto rows) { body(first, rows); });
  }
}

// `body(t, row, unit, count, sums)` for each step, row and vector of units, where sums[g * WIDE] is
// the state before times the recurrent weights of gate g; it leaves the new state in `hidden`.
// WIDE: how many vectors of units are computed together.
template <class R, int GATES, int WIDE, class Body>
void steps_forward(Shape shape, const R* weight, const R* start, R* hidden, R* packed,
                   const Body& body) {
  constexpr int lanes = LANES<R>, vectors = GATES * WIDE, width = WIDE * lanes;
  const int64_t size = shape.size, count = panels(size, width), length = size * vectors * lanes;
  share_panels(shape, GATES, count, [&](int64_t begin, int64_t end, const auto& meet) {
    for (int64_t panel = begin; panel < end; panel++)
      for (int64_t k = 0; k < size; k += CHUNK)
        for (int gate = 0; gate < GATES; gate++)
          for (int64_t u = 0; u < width; u++) {
            const int64_t unit = panel * width + u, stop = k + CHUNK < size ? k + CHUNK : size;
            const R* from = weight + (gate * size + unit) * size;
            R* to = packed + panel * length + gate * width + u;
            for (int64_t i = k; i < stop; i++) to[i * vectors * lanes] = unit < size ? from[i] : 0;
          }
    const R* before = start;
    for (int64_t t = 0; t < shape.num_steps; t++) {
      for (int64_t panel = begin; panel < end; panel++)
        for_blocks<vectors>(shape.num_rows, [&](int64_t first, auto rows) {
          Vec<R> sums[rows][vectors];
          multiply<R, rows, vectors>(before + first * size, size, packed + panel * length, size,
                                     sums);
          for (int r = 0; r < rows; r++)
            for (int v = 0; v < WIDE; v++) {
              const int64_t unit = panel * width + v * lanes;
              const int there = within<R>(unit, size);
              if (there > 0) body(t, first + r, unit, there, before, sums[r] + v);
            }
        });
      before = hidden + t * shape.num_rows * size;
      meet();
    }
  });
}

// `body(t, row, unit, count)` for each step from the last, row and vector of units; it writes the
// gradients of the gates to `inner`, and to `arriving` what the state before gets but through
// them. What it gets through them is then added.
template <class R, class Body>
void steps_backward(Shape shape, int num_gates, const R* weight, const R* inner, R* arriving,
                    R* packed, const Body& body) {
  constexpr int lanes = LANES<R>, vectors = 2, width = vectors * lanes;
  const int64_t size = shape.size, count = panels(size, width), gates = num_gates * size;
  share_panels(shape, num_gates, count, [&](int64_t begin, int64_t end, const auto& meet) {
    for (int64_t panel = begin; panel < end; panel++)
      for (int64_t k = 0; k < gates; k++)
        for (int64_t u = 0; u < width; u++) {
          const int64_t unit = panel * width + u;
          packed[(panel * gates + k) * width + u] = unit < size ? weight[k * size + unit] : 0;
        }
    const int64_t last = end * width < size ? end * width : size;
    for (int64_t t = shape.num_steps - 1; t >= 0; t--) {
      for (int64_t row = 0; row < shape.num_rows; row++)
        for (int64_t unit = begin * width; unit < last; unit += lanes)
          body(t, row, unit, within<R>(unit, last));
      meet();
      const R* here = inner + t * shape.num_rows * gates;
      for (int64_t panel = begin; panel < end; panel++)
        for_blocks<vectors>(shape.num_rows, [&](int64_t first, auto rows) {
          Vec<R> sums[rows][vectors];
          multiply<R, rows, vectors>(here + first * gates, gates, packed + panel * gates * width,
                                     gates, sums);
          for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++) {
              const int64_t unit = panel * width + v * lanes;
              const int there = within<R>(unit, size);
              R* to = arriving + (first + r) * size + unit;
              if (there > 0) store(to, load(to, there) + sums[r][v], there);
            }
        });
    }
  });
}

}  // namespace seqlab
