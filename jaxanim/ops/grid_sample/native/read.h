// The warp: pixels from an image and a grid. `reference.py` defines them.

#ifndef JAXANIM_WARP_READ_H_
#define JAXANIM_WARP_READ_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "pixels.h"
#include "positions.h"
#include "threads.h"

namespace warp {

constexpr int64_t kItemFloats = 1 << 16;  // of the output that a thread writes at a time

template <int C>
inline void Mix(const float* top, const float* bottom, float right, float down, int64_t channels, bool last,
                float* pixel) {
  const float a = (1.0f - right) * (1.0f - down), b = right * (1.0f - down), c = (1.0f - right) * down,
              d = right * down;
  if constexpr (C == 3 || C == 4) {
    const Four value = Load<Four>(top) * a + Load<Four>(top + C) * b + Load<Four>(bottom) * c +
                       Load<Four>(bottom + C) * d;
    if (C == 4 || !last) {
      Store(pixel, value);  // with three channels the fourth number is overwritten by the next pixel
    } else {
      std::memcpy(pixel, &value, 3 * sizeof(float));
    }
  } else if constexpr (C == kMultiple) {
    for (int64_t k = 0; k < channels; k += 16) {
      Store(pixel + k, Load<Sixteen>(top + k) * a + Load<Sixteen>(top + channels + k) * b +
                           Load<Sixteen>(bottom + k) * c + Load<Sixteen>(bottom + channels + k) * d);
    }
  } else {
    const int64_t count = C == kAny ? channels : C;
    for (int64_t k = 0; k < count; ++k) {
      pixel[k] = top[k] * a + top[count + k] * b + bottom[k] * c + bottom[count + k] * d;
    }
  }
}

// One pixel near or beyond the border, from those of the four that exist.
void MixExisting(const float* image, int64_t column, int64_t row, float right, float down, const Sizes& sizes,
                 float* pixel) {
  const bool unknown = column == kUnknown;
  std::fill(pixel, pixel + sizes.channels, unknown ? std::numeric_limits<float>::quiet_NaN() : 0.0f);
  for (int corner = 0; corner < 4 && !unknown; ++corner) {
    const int64_t i = row + corner / 2, j = column + corner % 2;
    if (!Exists(j, i, sizes)) continue;
    const float weight = (corner % 2 ? right : 1.0f - right) * (corner / 2 ? down : 1.0f - down);
    const float* from = image + (i * sizes.width + j) * sizes.channels;
    for (int64_t k = 0; k < sizes.channels; ++k) pixel[k] += from[k] * weight;
  }
}

template <int C>
void Read(const float* image, const float* grid, float* pixels, const Sizes& sizes, int64_t begin, int64_t end) {
  Located located;
  const int64_t line = sizes.width * sizes.channels;
  for (int64_t first = begin; first < end; first += kBlock) {
    const int count = static_cast<int>(std::min<int64_t>(kBlock, end - first));
    Locate(grid + 2 * first, count, sizes, located);
    for (int p = 0; p < count; ++p) {
      const int32_t column = located.column[p], row = located.row[p];
      float* pixel = pixels + (first + p) * sizes.channels;
      if (IsInside<C>(column, row, sizes)) {
        const float* top = image + row * line + column * sizes.channels;
        Mix<C>(top, top + line, located.right[p], located.down[p], sizes.channels, first + p + 1 == end, pixel);
      } else {
        MixExisting(image, column, row, located.right[p], located.down[p], sizes, pixel);
      }
    }
  }
}

template <int C>
bool ReadAll(xla::ffi::ThreadPool* pool, const float* image, const float* grid, float* pixels, const Sizes& sizes) {
  const int64_t step = std::max<int64_t>(kBlock, kItemFloats / (sizes.channels + 2) / kBlock * kBlock);
  const int64_t items = (sizes.points + step - 1) / step;
  ForEach(pool, sizes.images * items, [&](int64_t item) {
    const int64_t n = item / items, begin = item % items * step, end = std::min(begin + step, sizes.points);
    Read<C>(image + n * sizes.image(), grid + 2 * n * sizes.points, pixels + n * sizes.points * sizes.channels,
            sizes, begin, end);
  });
  return true;
}

bool AnyRead(xla::ffi::ThreadPool* pool, const float* image, const float* grid, float* pixels, const Sizes& sizes) {
  if (sizes.channels == 1) return ReadAll<1>(pool, image, grid, pixels, sizes);
  if (sizes.channels == 3) return ReadAll<3>(pool, image, grid, pixels, sizes);
  if (sizes.channels == 4) return ReadAll<4>(pool, image, grid, pixels, sizes);
  if (sizes.channels % 16 == 0) return ReadAll<kMultiple>(pool, image, grid, pixels, sizes);
  return ReadAll<kAny>(pool, image, grid, pixels, sizes);
}

}  // namespace warp

#endif  // JAXANIM_WARP_READ_H_
