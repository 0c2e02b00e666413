// Where a grid reads: `positions.py` for a block of positions at a time. Afterwards a position is in pixels, in
// [-2, size + 1], or NaN, and the image is 0 outside.

#ifndef JAXANIM_WARP_POSITIONS_H_
#define JAXANIM_WARP_POSITIONS_H_

#include <cmath>
#include <cstdint>
#include <limits>

namespace warp {

constexpr int kBlock = 128;    // positions that are located together
constexpr int kUnknown = -3;   // the column and row of NaN

enum Padding : int32_t { kZeros = 0, kBorder = 1, kReflect = 2 };

// What the coordinates of a grid mean.
struct Convention {
  int32_t padding;
  bool align_corners, normalised;
};

struct Sizes {
  int64_t images, height, width, channels;
  int64_t points;  // of an image
  Convention convention;

  int64_t image() const { return height * width * channels; }
  int64_t blocks() const { return (points + kBlock - 1) / kBlock; }
};

// The upper left of the four pixels around each of some positions, how far right and down of it they lie, and the
// derivatives of the positions by the grid.
struct Located {
  int32_t column[kBlock], row[kBlock];
  float right[kBlock], down[kBlock];
  float slope_x[kBlock], slope_y[kBlock];
};

inline void ToPixels(const float* grid, int count, float size, const Convention& convention, float* position,
                     float* slope) {
  if (!convention.normalised) {
    for (int p = 0; p < count; ++p) position[p] = grid[2 * p], slope[p] = 1.0f;
  } else if (convention.align_corners) {
    const float half = 0.5f * (size - 1.0f);
    for (int p = 0; p < count; ++p) position[p] = (grid[2 * p] + 1.0f) * half, slope[p] = half;
  } else {
    const float half = 0.5f * size;
    for (int p = 0; p < count; ++p) position[p] = ((grid[2 * p] + 1.0f) * size - 1.0f) * 0.5f, slope[p] = half;
  }
}

inline void Reflect(int count, float size, bool align_corners, float* position, float* slope) {
  const float low = align_corners ? 0.0f : -0.5f, span = align_corners ? size - 1.0f : size;
  for (int p = 0; p < count; ++p) {
    if (span == 0.0f) {
      position[p] = std::isfinite(position[p]) ? 0.0f : std::numeric_limits<float>::quiet_NaN();
      slope[p] = 0.0f;
      continue;
    }
    float distance = position[p] - low;
    if (distance < 0.0f) distance = -distance, slope[p] = -slope[p];
    const float rest = distance < span ? distance : std::fmod(distance, span);
    const bool odd = distance >= span && std::fmod(std::floor(distance / span), 2.0f) == 1.0f;
    position[p] = (odd ? span - rest : rest) + low;
    if (odd) slope[p] = -slope[p];
  }
}

inline void PullInside(int count, float size, int32_t padding, float* position, float* slope) {
  const float low = padding == kZeros ? -2.0f : 0.0f, high = padding == kZeros ? size + 1.0f : size - 1.0f;
  for (int p = 0; p < count; ++p) {
    const float x = position[p];
    const bool under = x <= low, over = x >= high;
    position[p] = under ? low : over ? high : x;
    slope[p] = under | over ? 0.0f : slope[p];
  }
}

// Resolves one axis of a grid; `grid` is its first number, of every two.
inline void Resolve(const float* grid, int count, int64_t size, const Convention& convention, float* position,
                    float* slope) {
  const float length = static_cast<float>(size);
  ToPixels(grid, count, length, convention, position, slope);
  if (convention.padding == kReflect) Reflect(count, length, convention.align_corners, position, slope);
  PullInside(count, length, convention.padding, position, slope);
}

inline void Locate(const float* grid, int count, const Sizes& sizes, Located& located) {
  float xs[kBlock], ys[kBlock];
  Resolve(grid, count, sizes.width, sizes.convention, xs, located.slope_x);
  Resolve(grid + 1, count, sizes.height, sizes.convention, ys, located.slope_y);
  for (int p = 0; p < count; ++p) {
    const bool known = (xs[p] == xs[p]) & (ys[p] == ys[p]);
    const float x = known ? xs[p] : 0.0f, y = known ? ys[p] : 0.0f;
    const float left = __builtin_floorf(x), top = __builtin_floorf(y);
    located.right[p] = x - left;
    located.down[p] = y - top;
    located.column[p] = known ? static_cast<int32_t>(left) : kUnknown;
    located.row[p] = known ? static_cast<int32_t>(top) : kUnknown;
  }
}

}  // namespace warp

#endif  // JAXANIM_WARP_POSITIONS_H_
