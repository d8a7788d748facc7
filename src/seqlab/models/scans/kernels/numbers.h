// Vectors of the processor's width, and the two functions that the cells are made of.
#pragma once

#include <cstdint>
#include <cstring>

#define SEQLAB_INLINE inline __attribute__((always_inline))

namespace seqlab {

#ifdef __AVX512F__
constexpr int VECTOR_BYTES = 64, NUM_REGISTERS = 32;
#else
constexpr int VECTOR_BYTES = 32, NUM_REGISTERS = 16;
#endif

template <class R>
struct Format;

template <>
struct Format<float> {
  typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));
  typedef int32_t Integers __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr int exponent_bias = 127, mantissa_bits = 23, degree = 7;
  static constexpr float least = -87.f, most = 88.f;
  // ln 2 in two parts, the first with so few digits that its multiples are exact.
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr float rounder = 12582912.f;  // 1.5 * 2^23: what is added to it is rounded
};

template <>
struct Format<double> {
  typedef double Vector __attribute__((vector_size(VECTOR_BYTES)));
  typedef int64_t Integers __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr int exponent_bias = 1023, mantissa_bits = 52, degree = 13;
  static constexpr double least = -708., most = 709.;
  static constexpr double ln2_high = 0.6931471803691238, ln2_low = 1.9082149292705877e-10;
  static constexpr double rounder = 6755399441055744.;
};

template <class R>
using Vec = typename Format<R>::Vector;

template <class R>
constexpr int LANES = VECTOR_BYTES / int(sizeof(R));

// The first `count` of a vector's numbers; the others are zero.
template <class R>
SEQLAB_INLINE Vec<R> load(const R* from, int count = LANES<R>) {
  Vec<R> values{};
  if (count == LANES<R>)
    memcpy(&values, from, sizeof values);
  else
    memcpy(&values, from, count * sizeof(R));
  return values;
}

template <class R>
SEQLAB_INLINE void store(R* to, Vec<R> values, int count = LANES<R>) {
  if (count == LANES<R>)
    memcpy(to, &values, sizeof values);
  else
    memcpy(to, &values, count * sizeof(R));
}

// exp(x) = power (1 + rest), where power is of two and |rest| below sqrt 2 - 1: exp(x) - 1 keeps
// its relative precision near zero. What is no number stays none.
template <class R>
SEQLAB_INLINE void exponential(Vec<R> x, Vec<R>& power, Vec<R>& rest) {
  using F = Format<R>;
  x = x < F::least ? Vec<R>{} + F::least : x;
  x = x > F::most ? Vec<R>{} + F::most : x;
  const Vec<R> doublings = (x * R(1.4426950408889634) + F::rounder) - F::rounder;
  const Vec<R> left = (x - doublings * F::ln2_high) - doublings * F::ln2_low;
  const auto whole = __builtin_convertvector(doublings, typename F::Integers);
  const typename F::Integers bits = (whole + F::exponent_bias) << F::mantissa_bits;
  memcpy(&power, &bits, sizeof power);
  // Horner's scheme for the sum of left^i / i!, from i = 1.
  R factor[F::degree + 1] = {1};
#pragma GCC unroll 16
  for (int i = 1; i <= F::degree; i++) factor[i] = factor[i - 1] / i;
  Vec<R> sum = Vec<R>{} + factor[F::degree];
#pragma GCC unroll 16
  for (int i = F::degree - 1; i >= 1; i--) sum = sum * left + factor[i];
  rest = sum * left;
}

template <class R>
SEQLAB_INLINE Vec<R> sigmoid(Vec<R> x) {
  Vec<R> power, rest;
  exponential<R>(-x, power, rest);
  return R(1) / (R(1) + (power * rest + power));
}

template <class R>
SEQLAB_INLINE Vec<R> hyperbolic_tangent(Vec<R> x) {
  // tanh(x) = e / (e + 2) with e = exp(2 x) - 1; from 2 x = 44 on it is 1 in both formats.
  Vec<R> twice = x + x, power, rest;
  twice = twice > R(44) ? Vec<R>{} + R(44) : twice;
  exponential<R>(twice, power, rest);
  const Vec<R> e = power * rest + (power - R(1));
  return e / (e + R(2));
}

}  // namespace seqlab
