// The gradients of the warp. Bands of the image's rows each have one thread, which adds in the order of the output's
// pixels: no two threads write one number, and results do not depend on the number of threads.

#ifndef JAXANIM_WARP_PULLBACK_H_
#define JAXANIM_WARP_PULLBACK_H_

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "pixels.h"
#include "positions.h"
#include "threads.h"

namespace warp {

constexpr int64_t kBandBytes = 1 << 18;  // of the image's gradient that a thread sums up at a time
constexpr int64_t kMaxBands = 64;        // of an image: each looks at the positions again

// The rows of the image that a block of positions reads; none if first > last.
struct Rows {
  int32_t first = INT_MAX, last = -1;
};

// Finds the rows that blocks read, and zeroes the gradient of positions that read none.
void FindRows(const float* grid, float* grid_gradient, const Sizes& sizes, int64_t begin, int64_t end,
              Rows* rows) {
  Located located;
  for (int64_t block = begin; block < end; ++block) {
    const int64_t first = block * kBlock;
    const int count = static_cast<int>(std::min<int64_t>(kBlock, sizes.points - first));
    Locate(grid + 2 * first, count, sizes, located);
    Rows found;
    for (int p = 0; p < count; ++p) {
      const int32_t column = located.column[p], row = located.row[p];
      if (column < -1 || row < -1 || column >= sizes.width || row >= sizes.height) {
        grid_gradient[2 * (first + p)] = grid_gradient[2 * (first + p) + 1] = 0.0f;
      } else {
        found.first = std::min(found.first, std::max(row, 0));
        found.last = std::max(found.last, static_cast<int32_t>(std::min<int64_t>(row + 1, sizes.height - 1)));
      }
    }
    rows[block] = found;
  }
}

// Writes the derivatives of sum(pixel * cotangent) by x and y.
template <int C>
inline void Slopes(const float* top, const float* bottom, const float* cotangent, float right, float down,
                   int64_t channels, float* slopes) {
  const float left = 1.0f - right, up = 1.0f - down;
  if constexpr (C == 3 || C == 4) {
    const Four a = Load<Four>(top), b = Load<Four>(top + C), c = Load<Four>(bottom), d = Load<Four>(bottom + C);
    const Four q = Load<Four>(cotangent);
    Four x = q * ((b - a) * up + (d - c) * down), y = q * ((c - a) * left + (d - b) * right);
    if (C == 3) x = ThreeOf(x), y = ThreeOf(y);
    slopes[0] = Sum(x), slopes[1] = Sum(y);
  } else if constexpr (C == kMultiple) {
    Sixteen x{}, y{};
    for (int64_t k = 0; k < channels; k += 16) {
      const Sixteen a = Load<Sixteen>(top + k), b = Load<Sixteen>(top + channels + k);
      const Sixteen c = Load<Sixteen>(bottom + k), d = Load<Sixteen>(bottom + channels + k);
      const Sixteen q = Load<Sixteen>(cotangent + k);
      x += q * ((b - a) * up + (d - c) * down);
      y += q * ((c - a) * left + (d - b) * right);
    }
    slopes[0] = Sum(x), slopes[1] = Sum(y);
  } else {
    const int64_t count = C == kAny ? channels : C;
    float x = 0.0f, y = 0.0f;
    for (int64_t k = 0; k < count; ++k) {
      const float a = top[k], b = top[count + k], c = bottom[k], d = bottom[count + k];
      x += cotangent[k] * ((b - a) * up + (d - c) * down);
      y += cotangent[k] * ((c - a) * left + (d - b) * right);
    }
    slopes[0] = x, slopes[1] = y;
  }
}

// Adds a cotangent to two neighbours in a row of the image's gradient.
template <int C>
inline void AddPair(float* pair, const float* cotangent, float left, float right, int64_t channels) {
  if constexpr (C == 3 || C == 4) {
    const Four q = Load<Four>(cotangent);
    Store(pair, Load<Four>(pair) + q * left);
    Store(pair + 4, Load<Four>(pair + 4) + q * right);
  } else if constexpr (C == kMultiple) {
    for (int64_t k = 0; k < channels; k += 16) {
      const Sixteen q = Load<Sixteen>(cotangent + k);
      Store(pair + k, Load<Sixteen>(pair + k) + q * left);
      Store(pair + channels + k, Load<Sixteen>(pair + channels + k) + q * right);
    }
  } else {
    const int64_t count = C == kAny ? channels : C;
    for (int64_t k = 0; k < count; ++k) {
      pair[k] += cotangent[k] * left;
      pair[count + k] += cotangent[k] * right;
    }
  }
}

// Turns derivatives by a position into those by the grid; where the position does not move, they are 0.
inline void ToGrid(const Located& located, int p, float* slopes) {
  slopes[0] = located.slope_x[p] == 0.0f ? 0.0f : slopes[0] * located.slope_x[p];
  slopes[1] = located.slope_y[p] == 0.0f ? 0.0f : slopes[1] * located.slope_y[p];
}

// Some rows of an image's gradient, `stride` numbers to a pixel.
struct Band {
  int64_t first, end, stride;
  float* sums;

  bool has(int64_t row) const { return row >= first && row < end; }
  float* at(int64_t row, int64_t column, int64_t width) const {
    return sums + ((row - first) * width + column) * stride;
  }
};

// One position near the border: those of its four pixels that exist.
void PullExisting(const float* image, const float* cotangent, int64_t column, int64_t row, float right, float down,
                  const Sizes& sizes, const Band& band, float* slopes) {
  float dots[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  for (int corner = 0; corner < 4; ++corner) {
    const int64_t i = row + corner / 2, j = column + corner % 2;
    if (!Exists(j, i, sizes)) continue;
    const float* value = image + (i * sizes.width + j) * sizes.channels;
    for (int64_t k = 0; k < sizes.channels; ++k) dots[corner] += value[k] * cotangent[k];
    if (!band.has(i)) continue;
    const float weight = (corner % 2 ? right : 1.0f - right) * (corner / 2 ? down : 1.0f - down);
    float* sums = band.at(i, j, sizes.width);
    for (int64_t k = 0; k < sizes.channels; ++k) sums[k] += cotangent[k] * weight;
  }
  if (!band.has(std::max<int64_t>(row, 0))) return;
  slopes[0] = (1.0f - down) * (dots[1] - dots[0]) + down * (dots[3] - dots[2]);
  slopes[1] = (1.0f - right) * (dots[2] - dots[0]) + right * (dots[3] - dots[1]);
}

// Adds all that one image's positions give to a band, and writes the gradient of the positions whose upper row it has.
template <int C>
void PullBand(const float* image, const float* grid, const float* cotangent, const Rows* rows, const Sizes& sizes,
              const Band& band, float* grid_gradient) {
  Located located;
  const int64_t channels = sizes.channels, line = sizes.width * channels;
  for (int64_t block = 0; block < sizes.blocks(); ++block) {
    if (rows[block].last < band.first || rows[block].first >= band.end) continue;
    const int64_t first = block * kBlock;
    const int count = static_cast<int>(std::min<int64_t>(kBlock, sizes.points - first));
    Locate(grid + 2 * first, count, sizes, located);
    for (int p = 0; p < count; ++p) {
      const int32_t column = located.column[p], row = located.row[p];
      if (row < band.first - 1 || row >= band.end || column < -1 || column >= sizes.width) continue;
      const float right = located.right[p], down = located.down[p];
      const float* q = cotangent + (first + p) * channels;
      float* slopes = grid_gradient + 2 * (first + p);
      if (!IsInside<C>(column, row, sizes) || (C == 3 && first + p + 1 == sizes.points)) {
        PullExisting(image, q, column, row, right, down, sizes, band, slopes);
        if (band.has(std::max(row, 0))) ToGrid(located, p, slopes);
        continue;
      }
      if (row >= band.first) {
        const float* top = image + row * line + column * channels;
        Slopes<C>(top, top + line, q, right, down, channels, slopes);
        ToGrid(located, p, slopes);
        const float up = 1.0f - down;
        AddPair<C>(band.at(row, column, sizes.width), q, (1.0f - right) * up, right * up, channels);
      }
      if (row + 1 < band.end) {
        AddPair<C>(band.at(row + 1, column, sizes.width), q, (1.0f - right) * down, right * down, channels);
      }
    }
  }
}

// The whole of a band: zeroed, summed up, written. Returns false if there is no memory for it.
template <int C>
bool WriteBand(const float* image, const float* grid, const float* cotangent, const Rows* rows, const Sizes& sizes,
               int64_t first, int64_t end, float* image_gradient, float* grid_gradient) {
  const int64_t pixels = (end - first) * sizes.width;
  float* target = image_gradient + first * sizes.width * sizes.channels;
  // Three channels are summed in fours: whole vectors, each of which the next addition finds as it was stored.
  const int64_t stride = C == 3 ? 4 : sizes.channels;
  std::unique_ptr<float[]> four;
  if (C == 3) {
    four.reset(new (std::nothrow) float[pixels * stride]);
    if (!four) return false;
  }
  const Band band{first, end, stride, C == 3 ? four.get() : target};
  std::memset(band.sums, 0, pixels * stride * sizeof(float));
  PullBand<C>(image, grid, cotangent, rows, sizes, band, grid_gradient);
  if (C == 3) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int k = 0; k < 3; ++k) target[3 * pixel + k] = four[4 * pixel + k];
    }
  }
  return true;
}

int64_t BandCount(const Sizes& sizes) {
  const int64_t bytes = sizes.image() * static_cast<int64_t>(sizeof(float));
  return std::max<int64_t>(1, std::min({bytes / kBandBytes, kMaxBands, sizes.height / 4}));
}

template <int C>
bool PullAll(xla::ffi::ThreadPool* pool, const float* image, const float* grid, const float* cotangent,
             float* image_gradient, float* grid_gradient, const Sizes& sizes) {
  const int64_t blocks = sizes.blocks(), step = 128, items = (blocks + step - 1) / step, bands = BandCount(sizes);
  std::unique_ptr<Rows[]> rows(new (std::nothrow) Rows[std::max<int64_t>(1, sizes.images * blocks)]);
  if (!rows) return false;
  ForEach(pool, sizes.images * items, [&](int64_t item) {
    const int64_t n = item / items, begin = item % items * step;
    FindRows(grid + 2 * n * sizes.points, grid_gradient + 2 * n * sizes.points, sizes, begin,
             std::min(begin + step, blocks), rows.get() + n * blocks);
  });
  std::atomic<bool> enough{true};
  ForEach(pool, sizes.images * bands, [&](int64_t item) {
    const int64_t n = item / bands, band = item % bands;
    const int64_t first = sizes.height * band / bands, end = sizes.height * (band + 1) / bands;
    if (!WriteBand<C>(image + n * sizes.image(), grid + 2 * n * sizes.points,
                      cotangent + n * sizes.points * sizes.channels, rows.get() + n * blocks, sizes, first, end,
                      image_gradient + n * sizes.image(), grid_gradient + 2 * n * sizes.points)) {
      enough = false;
    }
  });
  return enough;
}

bool AnyPull(xla::ffi::ThreadPool* pool, const float* image, const float* grid, const float* cotangent,
             float* image_gradient, float* grid_gradient, const Sizes& sizes) {
  const auto pull = sizes.channels == 1        ? PullAll<1>
                    : sizes.channels == 3      ? PullAll<3>
                    : sizes.channels == 4      ? PullAll<4>
                    : sizes.channels % 16 == 0 ? PullAll<kMultiple>
                                               : PullAll<kAny>;
  return pull(pool, image, grid, cotangent, image_gradient, grid_gradient, sizes);
}

}  // namespace warp

#endif  // JAXANIM_WARP_PULLBACK_H_
