"""Reading videos as people have them."""

from unittest import mock

import av
import numpy as np
import pytest

from jaxanim.animate import video
from jaxanim.animate.film import Film
from jaxanim.animate.film import _upright as upright_of
from jaxanim.core.errors import InputError


def write(path, count=12, fps=25.0, size=(32, 48)):
    with video.open_writer(path, width=size[1], height=size[0], fps=fps, transparent=False) as frame:
        for number in range(count):
            frame(np.full((*size, 3), (10 + 15 * number) % 256, np.uint8))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_frames_and_times(tmp_path, suffix):
    film = Film(write(tmp_path / f"film{suffix}"))
    frames = list(film.frames())
    assert film.fps == pytest.approx(25)
    assert [round(time * 25) for time, _ in frames] == list(range(12))
    assert frames[3][1].shape == (32, 48, 3)
    assert abs(float(frames[3][1].mean()) - 55) < 4
    assert film.damage is None
    assert len(list(film.frames())) == 12  # once more


def test_a_rate_that_varies(tmp_path):
    path, times = tmp_path / "film.mp4", [0, 40, 80, 200, 240, 700]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for time in times:
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            frame.pts = time
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    found = [time for time, _ in Film(path).frames()]
    np.testing.assert_allclose(np.diff(found), np.diff(times) / 1000, atol=2e-3)


def test_a_truncated_film_gives_what_there_is(tmp_path):
    path = tmp_path / "film.webm"
    write(path, count=60, size=(64, 64))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    film = Film(path)
    found = len(list(film.frames()))
    assert 0 < found < 60
    assert film.damage is not None
    assert film.damage.startswith("ends after ")
    assert film.damage.endswith(" of 2.40 seconds")


def test_a_film_with_damage_says_so(tmp_path):
    path = write(tmp_path / "film.mp4", count=60, size=(64, 64))
    film = Film(path)
    film._expected = 100  # as of a header that promises more
    list(film.frames())
    assert film.damage == "ends after 60 of 100 frames"


@pytest.mark.parametrize("content", [None, b"", b"no film at all" * 50])
def test_what_is_no_film(tmp_path, content):
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"film\.mp4"):
        Film(path)


@pytest.mark.parametrize(("degrees", "corner"), [(0, (0, 0)), (90, (2, 0)), (-90, (0, 1)), (180, (1, 2))])
def test_a_turned_film_is_set_upright(degrees, corner):
    """FFmpeg's angle is that by which a frame is to be turned, counter-clockwise."""
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 0] = 255

    frame = mock.create_autospec(av.VideoFrame, instance=True)
    frame.rotation, frame.to_ndarray.return_value = degrees, picture
    upright = upright_of(frame)
    assert np.argwhere(upright[..., 0]).tolist() == [list(corner)]


def test_sound_alone_is_no_film(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="no video"):
        Film(path)
