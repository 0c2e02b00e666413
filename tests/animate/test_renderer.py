"""Rendering poses in batches, with a system of three lines: the source's colour times the drive's first number."""

import dataclasses

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.animate import renderer
from jaxanim.core.system import Frame, System


@flax.struct.dataclass
class Code:
    """The source, doubled so that a test sees that it went through `encode_source`."""

    doubled: jax.Array


@dataclasses.dataclass
class Tinter:
    """Fills the frame with source * 2 * gain * drive[0]; counts what is traced."""

    traced: list[int] = dataclasses.field(default_factory=list)
    encoded: int = 0

    def init(self, key):
        del key
        return {"params": {"gain": jnp.float32(0.5)}}

    def encode_source(self, variables, source):
        del variables
        self.encoded += 1
        return Code(2.0 * source)

    def render(self, variables, code, drive):
        self.traced.append(drive.shape[0])
        strength = variables["params"]["gain"] * drive[:, 0]
        return Frame(image=code.doubled[None] * strength[:, None, None, None], flow_px=None)

    def phases(self):
        return ()


def decode(image):
    return jnp.round(image * 255).astype(jnp.uint8)


def make(system, *, size=3, frames_per_call=1):
    source = np.zeros((2, 5, 4), np.float32)
    source[:] = (0.2, 0.4, 0.6, 1.0)
    variables = system.init(jax.random.key(0))
    return renderer.Renderer(system, variables, source, drive_size=size, decode=decode, frames_per_call=frames_per_call)


def drives(count):
    rows = np.zeros((count, 3), np.float32)
    rows[:, 0] = np.arange(1, count + 1) / 10
    return rows


def expected(count):
    """Frame n is (51, 102, 153, 255) times n / 10."""
    levels = np.arange(1, count + 1)[:, None] / 10 * np.array([51, 102, 153, 255])
    return np.broadcast_to(np.round(levels)[:, None, None], (count, 2, 5, 4))


@pytest.fixture(params=["cpu", "gpu"])
def backend(request, monkeypatch):
    """On a CPU the frames of a call are rendered one by one, elsewhere together; here both run on the CPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: request.param)
    return request.param


def test_the_fake_is_a_system():
    assert isinstance(Tinter(), System)
    assert isinstance(make(Tinter()), renderer.RenderPoses)


@pytest.mark.parametrize("frames_per_call", [1, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_any_number_of_poses(backend, count, frames_per_call):
    frames = make(Tinter(), frames_per_call=frames_per_call)(drives(count))
    assert frames.dtype == np.uint8
    assert frames.shape == (count, 2, 5, 4)
    # Halves may be rounded either way.
    assert np.abs(frames.astype(int) - expected(count)).max() <= 1


def test_no_poses_are_no_frames():
    assert make(Tinter(), frames_per_call=2)(np.zeros((0, 3), np.float32)).shape == (0, 2, 5, 4)


def test_poses_of_other_types_are_converted():
    frames = make(Tinter())(drives(2).astype(np.float64))
    np.testing.assert_array_equal(frames, make(Tinter())(drives(2)))


def test_compiles_once_when_made(backend):
    system = Tinter()
    render = make(system, frames_per_call=4)
    assert system.traced == [1 if backend == "cpu" else 4]
    for count in (1, 4, 9):
        render(drives(count))
    assert len(system.traced) == 1
    assert system.encoded == 1


def test_frames_per_call_is_told():
    assert make(Tinter(), frames_per_call=5).frames_per_call == 5


@pytest.mark.parametrize("shape", [(2, 4), (2, 2), (0, 4)])
def test_wrong_drives_are_refused(shape):
    with pytest.raises(ValueError, match=rf"poses must have shape \(n, 3\), got \({shape[0]}, {shape[1]}\)"):
        make(Tinter())(np.zeros(shape, np.float32))


def test_a_single_pose_without_its_axis_is_refused():
    # The annotation refuses it too while tests run; users call without that check.
    unchecked = renderer.Renderer.__call__.__wrapped__
    with pytest.raises(ValueError, match=r"poses must have shape \(n, 3\), got \(3,\)"):
        unchecked(make(Tinter()), np.zeros(3, np.float32))


def test_any_device_can_hold_it():
    """The suite runs with four devices; a renderer stays on the one it was made on."""
    assert jax.device_count() == 4
    with jax.default_device(jax.devices()[3]):
        render = make(Tinter(), frames_per_call=2)
    assert np.abs(render(drives(3)).astype(int) - expected(3)).max() <= 1
