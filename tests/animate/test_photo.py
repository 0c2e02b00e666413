"""A face in a photo: what stays exactly as it was, where frames go, seams, any number of frames; a system with a flow.

`Mover` is a system for tests: its drive (x, y, light) moves the whole picture by (x, y) small pixels and adds light.
"""

import flax.struct
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.animate import ahead, crop, paste
from jaxanim.animate.photo import PhotoAnimator
from jaxanim.core.errors import InputError, WeightsError
from jaxanim.core.system import Frame
from jaxanim.core.types import Array, Float
from jaxanim.ops import flow as flows

SMALL = (32, 32)
BOX = crop.Box(30, 20, 96, 96)  # three pixels of the photo for one of the system


pytestmark = pytest.mark.usefixtures("compile_fast")


@flax.struct.dataclass
class Code:
    image: Float[Array, "h w 3"]


class Mover:
    has_flow = True

    def init(self, key):
        return {"params": {}}

    def encode_source(self, variables, source):
        return Code(source)

    def render(self, variables, code, drive):
        flow_px = jnp.broadcast_to(drive[:, None, None, :2], (len(drive), *code.image.shape[:2], 2))
        moved = flows.warp(jnp.broadcast_to(code.image, (len(drive), *code.image.shape)), flow_px, padding="border")
        return Frame(moved + drive[:, None, None, 2:], flow_px if self.has_flow else None)

    def phases(self):
        return ()


def make_photo(height=160, width=181):
    rng = np.random.default_rng(0)
    return rng.integers(60, 196, (height, width, 3), dtype=np.uint8)


def animate(photo, box, drives, *, chunk=2, mode="multiscale", fit="pad", system=None):
    place = paste.find_place(photo, box, SMALL, mode=mode, fit=fit)
    animator = PhotoAnimator(system or Mover(), {}, place, drive_size=3, align_corners=False, chunk=chunk)
    return animator.frames(np.array(drives, np.float32))


@pytest.mark.parametrize(
    ("size", "box", "mode"),
    [
        ((160, 181), BOX, "vanilla"),
        ((97, 97), crop.Box(0, 0, 97, 97), "multiscale"),
        ((50, 61), crop.Box(-20, 13, 100, 100), "multiscale"),
    ],
)
def test_what_stands_still_is_the_photo_exactly(size, box, mode):
    photo = make_photo(*size)
    (frame,) = animate(photo, box, [[0, 0, 0]], mode=mode)
    np.testing.assert_array_equal(frame, photo)


@pytest.mark.parametrize("box", [BOX, crop.Box(120, 100, 96, 96), crop.Box(-40, -10, 128, 128)])
def test_outside_of_the_crop_nothing_changes_and_inside_it_does(box):
    photo = make_photo()
    (frame,) = animate(photo, box, [[3, -2, 0.3]], mode="vanilla")
    outside = np.full(photo.shape[:2], True)
    outside[box.inside(*photo.shape[:2])] = False
    np.testing.assert_array_equal(frame[outside], photo[outside])
    centre = box.y + box.height // 2, box.x + box.width // 2
    assert np.abs(frame[centre].astype(int) - photo[centre]).max() > 10


def test_the_middle_of_the_crop_moves_by_the_flow():
    """By 4 small pixels to the left and 2 up: 12 and 6 of the photo."""
    photo = make_photo()
    (frame,) = animate(photo, BOX, [[4, 2, 0]])
    middle = np.s_[60:76, 70:86]
    np.testing.assert_allclose(frame[middle].astype(int), photo[66:82, 82:98].astype(int), atol=1)


def test_no_seam():
    """A grey photo that is lit by 64 levels in its middle gets no step at the crop's edge, on any side."""
    photo = np.full((160, 181, 3), 100, np.uint8)
    (frame,) = animate(photo, BOX, [[0, 0, 0.5]])
    light = frame[..., 0].astype(int) - 100
    assert light[BOX.y + 48, BOX.x + 48] == 64
    assert max(np.abs(np.diff(light, axis=axis)).max() for axis in (0, 1)) <= 6  # of 64, over 30 pixels of fading
    edge = light[BOX.inside(160, 181)]
    assert all(not side.any() for side in (edge[0], edge[-1], edge[:, 0], edge[:, -1]))


def test_the_photos_own_edges_do_not_fade():
    """Where the crop ends with the photo there is nothing to join."""
    photo = np.full((96, 120, 3), 100, np.uint8)
    (frame,) = animate(photo, crop.Box(0, 0, 96, 96), [[0, 0, 0.5]])
    light = frame[..., 0].astype(int) - 100
    assert light[0, 40] == light[-1, 40] == light[40, 0] == 64
    assert light[40, 95] == 0


@pytest.mark.parametrize("fit", ["pad", "anisotropic"])
def test_whole_photos_that_are_not_square(fit):
    photo = make_photo(70, 101)
    still, lit = animate(photo, crop.whole(photo), [[0, 0, 0], [0, 0, 0.2]], fit=fit)
    np.testing.assert_array_equal(still, photo)
    np.testing.assert_allclose(lit.astype(int) - photo, 25.5, atol=1)


def test_any_chunk_makes_the_same_frames():
    """Five frames: one after the other, and in chunks of three, of which the last is filled up."""
    drives = [[x, 0, x / 10] for x in range(5)]
    alone, together = (list(animate(make_photo(), BOX, drives, chunk=chunk, mode="vanilla")) for chunk in (1, 3))
    assert len(alone) == len(together) == 5
    for frame, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(frame.astype(int), other.astype(int), atol=1)


def test_frames_are_made_when_they_are_asked_for():
    """Of ten thousand frames two chunks are rendered for three frames, and one large picture exists at a time."""
    drives = np.zeros((10_000, 3), np.float32)
    place = paste.find_place(make_photo(), BOX, SMALL, mode="vanilla")
    animator = PhotoAnimator(Mover(), {}, place, drive_size=3, align_corners=False, chunk=2)
    calls = {"small": 0, "large": 0}
    render, finish = animator._render, animator._paste

    def count(name, function):
        def run(*given):
            calls[name] += 1
            return function(*given)

        return run

    animator._render, animator._paste = count("small", render), count("large", finish)
    frames = animator.frames(drives)
    assert calls == {"small": 0, "large": 0}
    for _ in range(3):
        next(frames)
    assert calls["small"] == 3
    assert 3 <= calls["large"] <= 3 + ahead.THREADS


def test_without_residuals_the_crop_is_blurred():
    photo = make_photo()
    (frame,) = animate(photo, BOX, [[0, 0, 0]], mode="none")
    inside = BOX.inside(160, 181)
    assert frame[inside].std() < 0.6 * photo[inside].std()


def test_systems_without_a_flow():
    system = Mover()
    system.has_flow = False
    with pytest.raises(ValueError, match="Mover returns no flow"):
        animate(make_photo(), BOX, [[0, 0, 0]], system=system)


def test_broken_weights():
    with pytest.raises(WeightsError, match="NaN or infinite"):
        list(animate(make_photo(), BOX, [[0, 0, np.nan]]))


def test_refused():
    with pytest.raises(InputError, match="outside of the photo, which is 181x160"):
        paste.find_place(make_photo(), crop.Box(500, 0, 96, 96), SMALL, mode="vanilla")
    with pytest.raises(ValueError, match=r"drives must have shape \(n, 3\), got \(1, 2\)"):
        next(animate(make_photo(), BOX, [[0, 0]]))
    with pytest.raises(ValueError, match="chunk must be positive"):
        animate(make_photo(), BOX, [[0, 0, 0]], chunk=0)
