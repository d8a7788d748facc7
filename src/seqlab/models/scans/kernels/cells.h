// The steps of the tanh RNN, the GRU and the LSTM, in the formulas of ../rnn.py, gru.py, lstm.py.
#pragma once

#include "steps.h"

namespace seqlab {

template <class R>
void rnn_forward(Shape shape, R* hidden, const R* start, const R* weight, R* packed) {
  steps_forward<R, 1, 2>(
      shape, weight, start, hidden, packed,
      [=](int64_t t, int64_t row, int64_t unit, int count, const R*, const Vec<R>* sums) {
        R* state = hidden + (t * shape.num_rows + row) * shape.size + unit;
        store(state, hyperbolic_tangent<R>(load(state, count) + sums[0]), count);
      });
}

template <class R>
void rnn_backward(Shape shape, const R* gradient, const R* hidden, const R* weight, R* inner,
                  R* arriving, R* packed) {
  steps_backward<R>(
      shape, 1, weight, inner, arriving, packed,
      [=](int64_t t, int64_t row, int64_t unit, int count) {
        R* of_state = arriving + row * shape.size + unit;
        const int64_t at = (t * shape.num_rows + row) * shape.size + unit;
        const Vec<R> h = load(hidden + at, count);
        const Vec<R> given = load(of_state, count) + load(gradient + at, count);
        store(inner + at, given * (R(1) - h * h), count);
        store(of_state, Vec<R>{}, count);
      });
}

template <class R>
void gru_forward(Shape shape, R* gates, R* candidates, const R* start, const R* weight, R* hidden,
                 R* packed) {
  const int64_t size = shape.size;
  steps_forward<R, 3, 1>(
      shape, weight, start, hidden, packed,
      [=](int64_t t, int64_t row, int64_t unit, int count, const R* before, const Vec<R>* sums) {
        const int64_t place = t * shape.num_rows + row, at = place * size + unit;
        R* here = gates + place * 3 * size + unit;
        const Vec<R> r = sigmoid<R>(load(here, count) + sums[0]);
        const Vec<R> z = sigmoid<R>(load(here + size, count) + sums[1]);
        const Vec<R> m = load(here + 2 * size, count) + sums[2];
        const Vec<R> n = hyperbolic_tangent<R>(load(candidates + at, count) + r * m);
        store(here, r, count);
        store(here + size, z, count);
        store(here + 2 * size, m, count);
        store(candidates + at, n, count);
        store(hidden + at, n + z * (load(before + row * size + unit, count) - n), count);
      });
}

template <class R>
void gru_backward(Shape shape, const R* gradient, const R* gates, const R* candidates,
                  const R* hidden, const R* start, const R* weight, R* inner, R* of_candidates,
                  R* arriving, R* packed) {
  const int64_t size = shape.size;
  steps_backward<R>(
      shape, 3, weight, inner, arriving, packed,
      [=](int64_t t, int64_t row, int64_t unit, int count) {
        const int64_t place = t * shape.num_rows + row, at = place * size + unit;
        const int64_t in_row = row * size + unit;
        const R* before = t ? hidden + at - shape.num_rows * size : start + in_row;
        const R* here = gates + place * 3 * size + unit;
        R* of_gates = inner + place * 3 * size + unit;
        const Vec<R> r = load(here, count), z = load(here + size, count);
        const Vec<R> m = load(here + 2 * size, count), n = load(candidates + at, count);
        const Vec<R> given = load(arriving + in_row, count) + load(gradient + at, count);
        const Vec<R> kept = given * z, of_candidate = (given - kept) * (R(1) - n * n);
        store(arriving + in_row, kept, count);
        store(of_candidates + at, of_candidate, count);
        store(of_gates, of_candidate * m * r * (R(1) - r), count);
        store(of_gates + size, kept * (load(before, count) - n) * (R(1) - z), count);
        store(of_gates + 2 * size, of_candidate * r, count);
      });
}

template <class R>
void lstm_forward(Shape shape, R* gates, const R* start, const R* memory, const R* weight,
                  R* hidden, R* cells, R* squashed, R* packed) {
  const int64_t size = shape.size;
  steps_forward<R, 4, 1>(
      shape, weight, start, hidden, packed,
      [=](int64_t t, int64_t row, int64_t unit, int count, const R*, const Vec<R>* sums) {
        const int64_t place = t * shape.num_rows + row, at = place * size + unit;
        const R* before = t ? cells + at - shape.num_rows * size : memory + row * size + unit;
        R* here = gates + place * 4 * size + unit;
        const Vec<R> i = sigmoid<R>(load(here, count) + sums[0]);
        const Vec<R> f = sigmoid<R>(load(here + size, count) + sums[1]);
        const Vec<R> g = hyperbolic_tangent<R>(load(here + 2 * size, count) + sums[2]);
        const Vec<R> o = sigmoid<R>(load(here + 3 * size, count) + sums[3]);
        const Vec<R> c = f * load(before, count) + i * g, tanh = hyperbolic_tangent<R>(c);
        store(here, i, count);
        store(here + size, f, count);
        store(here + 2 * size, g, count);
        store(here + 3 * size, o, count);
        store(cells + at, c, count);
        store(squashed + at, tanh, count);
        store(hidden + at, o * tanh, count);
      });
}

template <class R>
void lstm_backward(Shape shape, const R* gradient, const R* gates, const R* cells,
                   const R* squashed, const R* memory, const R* weight, R* inner, R* of_memory,
                   R* arriving, R* packed) {
  const int64_t size = shape.size;
  steps_backward<R>(
      shape, 4, weight, inner, arriving, packed,
      [=](int64_t t, int64_t row, int64_t unit, int count) {
        const int64_t place = t * shape.num_rows + row, at = place * size + unit;
        const int64_t in_row = row * size + unit;
        const R* before = t ? cells + at - shape.num_rows * size : memory + in_row;
        const R* here = gates + place * 4 * size + unit;
        R* of_gates = inner + place * 4 * size + unit;
        const Vec<R> i = load(here, count), f = load(here + size, count);
        const Vec<R> g = load(here + 2 * size, count), o = load(here + 3 * size, count);
        const Vec<R> tanh = load(squashed + at, count);
        const Vec<R> given = load(arriving + in_row, count) + load(gradient + at, count);
        const Vec<R> of_cell =
            load(of_memory + in_row, count) + given * o * (R(1) - tanh * tanh);
        store(arriving + in_row, Vec<R>{}, count);
        store(of_memory + in_row, of_cell * f, count);
        store(of_gates, of_cell * g * i * (R(1) - i), count);
        store(of_gates + size, of_cell * load(before, count) * f * (R(1) - f), count);
        store(of_gates + 2 * size, of_cell * i * (R(1) - g * g), count);
        store(of_gates + 3 * size, given * tanh * o * (R(1) - o), count);
      });
}

}  // namespace seqlab
