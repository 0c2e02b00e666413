// The bilinear warp and its gradients for CPUs, as XLA FFI handlers.
//
// Images are float32, n h w c, and 0 outside; grids hold (x, y), float32. Any number of batch axes counts as one.
// Nothing is read or written out of bounds whatever the positions are.

#include <algorithm>
#include <cstdint>

#include "positions.h"
#include "pullback.h"
#include "read.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

using warp::Convention;
using warp::Sizes;

constexpr int64_t kMaxSide = 1 << 23;  // up to here float32 tells halves of pixels apart

using Numbers = ffi::Buffer<ffi::F32>;

ffi::Error Check(const Numbers& image, const Numbers& grid, const Convention& convention, Sizes& sizes) {
  const auto i = image.dimensions(), p = grid.dimensions();
  if (i.size() < 3 || p.size() != i.size() || p[p.size() - 1] != 2) {
    return ffi::Error::InvalidArgument("the warp takes image (..., h, w, c) and grid (..., i, j, 2)");
  }
  sizes = {1, i[i.size() - 3], i[i.size() - 2], i[i.size() - 1], p[p.size() - 3] * p[p.size() - 2],
           convention};
  for (size_t axis = 0; axis + 3 < i.size(); ++axis) {
    if (i[axis] != p[axis]) return ffi::Error::InvalidArgument("image and grid have different batch axes");
    sizes.images *= i[axis];
  }
  if (std::min({sizes.height, sizes.width, sizes.channels}) < 1 || std::max(sizes.height, sizes.width) > kMaxSide) {
    return ffi::Error::InvalidArgument("the warp takes images of 1 to 2^23 rows and columns, and 1 channel or more");
  }
  return ffi::Error::Success();
}

ffi::Error ReadHandler(ffi::ThreadPool pool, Numbers image, Numbers grid, ffi::Result<Numbers> pixels, int32_t padding,
                       bool align_corners, bool normalised) {
  const Convention convention{padding, align_corners, normalised};
  Sizes sizes;
  if (ffi::Error error = Check(image, grid, convention, sizes); error.failure()) return error;
  if (static_cast<int64_t>(pixels->element_count()) != sizes.images * sizes.points * sizes.channels) {
    return ffi::Error::InvalidArgument("the result is of the wrong size");
  }
  warp::AnyRead(&pool, image.typed_data(), grid.typed_data(), pixels->typed_data(), sizes);
  return ffi::Error::Success();
}

ffi::Error PullbackHandler(ffi::ThreadPool pool, Numbers image, Numbers grid, Numbers cotangent,
                           ffi::Result<Numbers> image_gradient, ffi::Result<Numbers> grid_gradient,
                           int32_t padding, bool align_corners, bool normalised) {
  const Convention convention{padding, align_corners, normalised};
  Sizes sizes;
  if (ffi::Error error = Check(image, grid, convention, sizes); error.failure()) return error;
  if (static_cast<int64_t>(cotangent.element_count()) != sizes.images * sizes.points * sizes.channels ||
      image_gradient->element_count() != image.element_count() ||
      grid_gradient->element_count() != grid.element_count()) {
    return ffi::Error::InvalidArgument("the cotangent or a result is of the wrong size");
  }
  if (!warp::AnyPull(&pool, image.typed_data(), grid.typed_data(), cotangent.typed_data(),
               image_gradient->typed_data(), grid_gradient->typed_data(), sizes)) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "no memory for the gradients of the warp");
  }
  return ffi::Error::Success();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxanim_warp_read, ReadHandler,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Numbers>()
                                  .Arg<Numbers>()
                                  .Ret<Numbers>()
                                  .Attr<int32_t>("padding")
                                  .Attr<bool>("align_corners")
                                  .Attr<bool>("normalised"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(jaxanim_warp_pullback, PullbackHandler,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<Numbers>()
                                  .Arg<Numbers>()
                                  .Arg<Numbers>()
                                  .Ret<Numbers>()
                                  .Ret<Numbers>()
                                  .Attr<int32_t>("padding")
                                  .Attr<bool>("align_corners")
                                  .Attr<bool>("normalised"));

// The same without XLA and threads, for the test after loading.
extern "C" void jaxanim_warp_plain_read(const float* image, const float* grid, float* pixels, int64_t images,
                                        int64_t height, int64_t width, int64_t channels, int64_t points,
                                        int32_t padding, bool align_corners, bool normalised) {
  warp::AnyRead(nullptr, image, grid, pixels, {images, height, width, channels, points, {padding, align_corners, normalised}});
}

extern "C" bool jaxanim_warp_plain_pullback(const float* image, const float* grid, const float* cotangent,
                                            float* image_gradient, float* grid_gradient, int64_t images,
                                            int64_t height, int64_t width, int64_t channels, int64_t points,
                                            int32_t padding, bool align_corners, bool normalised) {
  return warp::AnyPull(nullptr, image, grid, cotangent, image_gradient, grid_gradient,
                 {images, height, width, channels, points, {padding, align_corners, normalised}});
}
