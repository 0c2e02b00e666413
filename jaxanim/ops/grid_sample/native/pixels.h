// Pixels as vectors of channels, and which pixels exist.

#ifndef JAXANIM_WARP_PIXELS_H_
#define JAXANIM_WARP_PIXELS_H_

#include <cstdint>
#include <cstring>

#include "positions.h"

namespace warp {

// Numbers of channels that have code of their own, in place of a template's number of channels.
constexpr int kAny = 0;        // known when run
constexpr int kMultiple = 16;  // a multiple of this

typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourBits __attribute__((vector_size(16)));
typedef float Sixteen __attribute__((vector_size(64)));

template <typename Vector>
inline Vector Load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <typename Vector>
inline void Store(float* to, const Vector& value) {
  std::memcpy(to, &value, sizeof(value));
}

inline float Sum(const Four& value) { return (value[0] + value[1]) + (value[2] + value[3]); }

inline float Sum(const Sixteen& value) {
  float parts[16];
  Store(parts, value);
  return Sum((Load<Four>(parts) + Load<Four>(parts + 4)) + (Load<Four>(parts + 8) + Load<Four>(parts + 12)));
}

// Three channels and a zero: without the number of the neighbour, which may be infinite.
inline Four ThreeOf(const Four& value) { return (Four)((FourBits)value & FourBits{-1, -1, -1, 0}); }

// Whether all four pixels exist; with three channels also the number behind them, which is read along.
template <int C>
inline bool IsInside(int32_t column, int32_t row, const Sizes& sizes) {
  const bool inside = static_cast<uint32_t>(column) < static_cast<uint32_t>(sizes.width - 1) &&
                      static_cast<uint32_t>(row) < static_cast<uint32_t>(sizes.height - 1);
  return inside && !(C == 3 && column == sizes.width - 2 && row == sizes.height - 2);
}

inline bool Exists(int64_t column, int64_t row, const Sizes& sizes) {
  return column >= 0 && column < sizes.width && row >= 0 && row < sizes.height;
}

}  // namespace warp

#endif  // JAXANIM_WARP_PIXELS_H_
