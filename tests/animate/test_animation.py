"""The loop from poses to a file, with a renderer that paints a pose's first number as a grey level."""

import numpy as np
import pytest
from PIL import Image

from jaxanim.animate import animation, compose
from jaxanim.core.errors import InputError, OutputError

CANVAS = compose.Canvas(8, 8, None)


class Painter:
    """Renders 8x8 pictures whose grey is 255 times the pose's first number, and notes how many at a time."""

    def __init__(self):
        self.batches = []

    def __call__(self, poses):
        self.batches.append(len(poses))
        frames = np.full((len(poses), 8, 8, 4), 255, np.uint8)
        frames[..., :3] = np.round(255 * poses[:, 0])[:, None, None, None].astype(np.uint8)
        return frames


def poses(*levels):
    """Returns poses whose first number is given, the rest 0."""
    rows = np.zeros((len(levels), 45), np.float32)
    rows[:, 0] = np.array(levels) / 255
    return rows


def write(render, rows, path, *, canvas=CANVAS, batch=3, **more):
    return animation.write_video(render, rows, path, canvas=canvas, fps=10.0, batch=batch, **more)


def levels(folder):
    return [int(np.asarray(Image.open(path))[0, 0, 0]) for path in sorted(folder.iterdir())]


def test_each_pose_becomes_a_frame_in_order(tmp_path):
    render, steps = Painter(), []
    count = write(render, poses(10, 20, 30, 40, 50, 60, 70), tmp_path / "a", progress=steps.append)
    assert count == 7
    assert levels(tmp_path / "a") == [10, 20, 30, 40, 50, 60, 70]
    assert render.batches == [3, 3, 1]
    assert steps == [1] * 7


@pytest.mark.parametrize(("background", "mode"), [(None, "RGBA"), ((1, 2, 3), "RGB")])
def test_frames_are_placed_on_the_canvas(tmp_path, background, mode):
    write(Painter(), poses(200), tmp_path / "a", canvas=compose.Canvas(24, 8, background))
    image = Image.open(tmp_path / "a" / "frame_000000.png")
    assert (image.mode, image.size) == (mode, (24, 8))
    assert image.getpixel((0, 0)) == (background or (0, 0, 0, 0))
    assert image.getpixel((12, 4))[:3] == (200, 200, 200)


def test_what_cannot_be_written_is_refused_before_rendering(tmp_path):
    render = Painter()
    with pytest.raises(InputError, match="mp4 needs even width and height, got 7x8"):
        write(render, poses(1, 2), tmp_path / "a.mp4", canvas=compose.Canvas(7, 8, (0, 0, 0)))
    with pytest.raises(OutputError, match="mp4 cannot be transparent"):
        write(render, poses(1, 2), tmp_path / "a.mp4")
    assert render.batches == []


def test_interruption_says_what_is_there(tmp_path):
    def press_ctrl_c_after_four(_, *, seen=[]):  # noqa: B006 - counts calls
        seen.append(1)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(OutputError, match=r"interrupted: .*a holds the first 4 frames of 6"):
        write(Painter(), poses(1, 2, 3, 4, 5, 6), tmp_path / "a", progress=press_ctrl_c_after_four)
    assert levels(tmp_path / "a") == [1, 2, 3, 4]


def test_interruption_before_the_first_frame(tmp_path):
    def render(_):
        raise KeyboardInterrupt

    with pytest.raises(OutputError, match="interrupted: nothing was written of 2"):
        write(render, poses(1, 2), tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_errors_of_the_renderer_pass_through_and_leave_nothing(tmp_path):
    def render(_):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write(render, poses(1), tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_still(tmp_path):
    animation.write_still(Painter(), poses(77)[0], tmp_path / "a.PNG", canvas=compose.Canvas(4, 4, (0, 0, 0)))
    image = Image.open(tmp_path / "a.PNG")
    assert (image.mode, image.size, image.getpixel((2, 2))) == ("RGB", (4, 4), (77, 77, 77))


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.mp4"])
def test_stills_are_pngs(tmp_path, name):
    render = Painter()
    with pytest.raises(OutputError, match=rf"{name}: a still picture must be a \.png file"):
        animation.write_still(render, poses(1)[0], tmp_path / name, canvas=CANVAS)
    assert render.batches == []


def test_stills_need_their_folder(tmp_path):
    with pytest.raises(OutputError, match="nowhere does not exist"):
        animation.check_still(tmp_path / "nowhere" / "a.png")
