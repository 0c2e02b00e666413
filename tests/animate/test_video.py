"""Videos written frame by frame and read back: counts, rates, colours, alpha, and what is left after failures."""

import signal

import av
import numpy as np
import pytest
from PIL import Image

from jaxanim.animate import gif, video
from jaxanim.core.errors import InputError, OutputError

WIDTH, HEIGHT, FPS, FRAMES = 48, 32, 12.5, 14
RED, GREEN, BLUE = (230, 40, 60), (20, 200, 90), (40, 80, 220)
# Where the four patches of `frame` are looked at, away from their borders (row, column).
RED_CLEAR, RED_AT, GREEN_AT, BLUE_AT, GREY_AT = (8, 4), (8, 19), (8, 36), (24, 12), (24, 36)
# 8-bit video-range YUV with halved colour planes at quality 17: a flat patch comes back within 6 levels. A player that
# decodes BT.601 for BT.709 would be 20 levels off in green.
LOSSY, LOSSLESS = 6, 0
ALL = [*video.FORMATS, ""]
TRANSPARENT = [".webm", ".mov", ".apng", ".gif", ""]


def grey(number):
    """Repeats after 12 frames, those that a gif takes its palette from."""
    return 10 * (number % 12)


def frame(number, *, transparent):
    """Returns red, green, blue and a grey that tells the number; the left of the red is clear if transparent."""
    picture = np.zeros((HEIGHT, WIDTH, 4 if transparent else 3), np.uint8)
    picture[:16, :24, :3], picture[:16, 24:, :3], picture[16:, :24, :3] = RED, GREEN, BLUE
    picture[16:, 24:, :3] = grey(number)
    if transparent:
        picture[..., 3] = 255
        picture[:16, :8, 3], picture[16:, :24, 3] = 0, 128
    return picture


def open_writer(path, **changes):
    options = {"width": WIDTH, "height": HEIGHT, "fps": FPS, "transparent": False} | changes
    return video.open_writer(path, **options)


def write(path, *, frames=FRAMES, transparent=False, **changes):
    with open_writer(path, transparent=transparent, **changes) as append:
        for number in range(frames):
            append(frame(number, transparent=transparent))


def write_and_raise(path, error, *, frames=1):
    with open_writer(path) as append:
        for number in range(frames):
            append(frame(number, transparent=False))
        raise error


def read(path):
    """Returns the frames of a file or folder as RGBA."""
    if path.is_dir():
        return [np.asarray(Image.open(name).convert("RGBA")) for name in sorted(path.iterdir())]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if path.suffix == ".webm":  # FFmpeg's own VP9 decoder leaves out the alpha
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            packets = (packet if packet.size else None for packet in container.demux(stream))
            frames = [decoded for packet in packets for decoded in decoder.decode(packet)]
        else:
            frames = list(container.decode(stream))
        return [decoded.reformat(format="rgba").to_ndarray() for decoded in frames]


def tolerance(suffix):
    return LOSSY if suffix in (".mp4", ".webm", ".mov") else LOSSLESS


def assert_color(pixel, color, tolerance):
    assert np.abs(np.asarray(pixel, int)[: len(color)] - color).max() <= tolerance, f"{pixel} is not {color}"


@pytest.mark.parametrize("suffix", ALL)
def test_opaque_videos_come_back(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path)
    frames = read(path)
    assert len(frames) == FRAMES
    for number, got in enumerate(frames):
        assert got.shape == (HEIGHT, WIDTH, 4)
        for where, color in ((RED_AT, RED), (GREEN_AT, GREEN), (BLUE_AT, BLUE), (GREY_AT, (grey(number),) * 3)):
            assert_color(got[where], (*color, 255), tolerance(suffix))
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", TRANSPARENT)
def test_transparent_videos_come_back(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, transparent=True)
    frames = read(path)
    assert len(frames) == FRAMES
    half = 255 if suffix == ".gif" else 128  # gif has one bit of alpha, 128 counts as seen
    for number, got in enumerate(frames):
        assert_color(got[RED_CLEAR][3:], (0,), tolerance(suffix))
        assert_color(got[RED_AT], (*RED, 255), tolerance(suffix))
        assert_color(got[GREEN_AT], (*GREEN, 255), tolerance(suffix))
        assert_color(got[BLUE_AT], (*BLUE, half), tolerance(suffix))
        assert_color(got[GREY_AT], (*[grey(number)] * 3, 255), tolerance(suffix))
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", TRANSPARENT)
def test_what_moves_leaves_no_trail(tmp_path, suffix):
    """An opaque block that moves uncovers transparent pixels, not its own of the frame before."""
    path = tmp_path / f"a{suffix}"
    with open_writer(path, transparent=True) as append:
        for number in range(3):
            picture = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
            picture[:, 16 * number : 16 * (number + 1)] = (*GREEN, 255)
            append(picture)
    alpha = [[int(got[16, 8 + 16 * column, 3]) for column in range(3)] for got in read(path)]
    np.testing.assert_allclose(alpha, 255 * np.eye(3), atol=tolerance(suffix))


@pytest.mark.parametrize("suffix", [".webm", ".mov", ".apng", ""])
def test_hidden_colors_are_kept_straight(tmp_path, suffix):
    """Straight alpha: the colour under a half transparent pixel is stored undimmed."""
    path = tmp_path / f"a{suffix}"
    write(path, transparent=True)
    assert_color(read(path)[0][BLUE_AT], BLUE, tolerance(suffix))


@pytest.mark.parametrize("suffix", list(video.FORMATS))
@pytest.mark.parametrize(("fps", "rate"), [(12.5, 12.5), (10.0, 10.0), (30000 / 1001, 30000 / 1001)])
def test_rate_and_size(tmp_path, suffix, fps, rate):
    write(tmp_path / f"a{suffix}", fps=fps, frames=12)
    with av.open(str(tmp_path / f"a{suffix}")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (WIDTH, HEIGHT)
        times = [decoded.time for decoded in container.decode(stream)]
    # webm rounds to milliseconds, gif to hundredths of a second.
    slack = {".gif": 0.01, ".webm": 0.001}.get(suffix, 1e-4)
    np.testing.assert_allclose(times, np.arange(12) / rate, atol=slack)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_yuv_says_that_it_is_bt709_video_range(tmp_path, suffix):
    write(tmp_path / f"a{suffix}")
    with av.open(str(tmp_path / f"a{suffix}")) as container:
        first = next(container.decode(video=0))
    assert first.colorspace == 1  # AVCOL_SPC_BT709
    assert first.color_range == 1  # AVCOL_RANGE_MPEG, 16-235


@pytest.mark.parametrize(
    ("suffix", "transparent", "codec", "pixels"),
    [
        (".mp4", False, "h264", "yuv420p"),
        (".webm", False, "vp9", "yuv420p"),
        (".mov", False, "prores", "yuv422p10le"),
        (".mov", True, "prores", "yuva444p12le"),  # the decoder gives 12 bits for 10 with alpha
        (".apng", True, "apng", "rgba"),
    ],
)
def test_codecs(tmp_path, suffix, transparent, codec, pixels):
    write(tmp_path / f"a{suffix}", frames=2, transparent=transparent)
    with av.open(str(tmp_path / f"a{suffix}")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == (codec, pixels)


def test_upper_case_endings(tmp_path):
    write(tmp_path / "A.GIF")
    assert len(read(tmp_path / "A.GIF")) == FRAMES


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
@pytest.mark.parametrize(("width", "height", "hint"), [(47, 32, "48x32"), (48, 31, "48x32"), (1, 1, "2x2")])
def test_odd_sizes_are_refused_with_a_hint(tmp_path, suffix, width, height, hint):
    message = rf"{suffix[1:]} needs even width and height, got {width}x{height}; {hint} would do"
    with pytest.raises(InputError, match=message), open_writer(tmp_path / f"a{suffix}", width=width, height=height):
        pytest.fail("the writer opened")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".gif", ".apng", ""])
def test_odd_sizes_are_accepted(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    picture = np.full((5, 7, 3), (250, 10, 10), np.uint8)
    with open_writer(path, width=7, height=5) as append:
        append(picture)
        append(picture)
    frames = read(path)
    assert len(frames) == 2
    np.testing.assert_array_equal(frames[1][..., :3], picture)


@pytest.mark.parametrize("fps", [0.0, -1.0, 240.5, float("nan"), float("inf")])
def test_rates_out_of_bounds_are_refused(tmp_path, fps):
    with pytest.raises(InputError, match=rf"frames per second of a mp4 must be 0\.1 to 240, got {fps:g}"):
        write(tmp_path / "a.mp4", fps=fps)


def test_a_rate_that_cannot_be_stored_is_refused(tmp_path):
    """One frame in three hours rounds to a rate of 0 / 1; it must not become the encoder's default."""
    with pytest.raises(InputError, match="frames per second"):
        write(tmp_path / "a.mp4", fps=1e-4)


def test_gif_rates_that_players_cannot_show_are_refused(tmp_path):
    """Gif counts hundredths of a second: faster frames would fall on one moment."""
    with pytest.raises(InputError, match="frames per second"):
        write(tmp_path / "a.gif", fps=240.0)


def test_transparent_mp4_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"a\.mp4: mp4 cannot be transparent; use \.webm, \.mov or \.apng, or give"):
        write(tmp_path / "a.mp4", transparent=True)


@pytest.mark.parametrize("name", ["a.avi", "a.png", "a.mp4.txt"])
def test_unknown_endings_are_refused(tmp_path, name):
    suffix = f".{name.rsplit('.', 1)[1]}"
    with pytest.raises(OutputError, match=rf"cannot write {suffix} videos; known are \.mp4, \.webm, .*folder"):
        write(tmp_path / name)


def test_holds_transparency(tmp_path):
    held = {suffix for suffix in ALL if video.holds_transparency(tmp_path / f"a{suffix}")}
    assert held == {".webm", ".mov", ".gif", ".apng", ""}


def test_png_folder_names_its_frames_in_order(tmp_path):
    (tmp_path / "frames").mkdir()  # an empty folder may be there already
    write(tmp_path / "frames", frames=3)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [f"frame_00000{n}.png" for n in range(3)]


def test_png_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="already exists; PNG frames need a new or empty folder"):
        write(tmp_path / "frames")
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OutputError, match="already exists; PNG frames need a new or empty folder"):
        write(tmp_path / "file")
    assert (tmp_path / "frames" / "mine.txt").read_text() == (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("suffix", ALL)
def test_missing_folders_are_refused(tmp_path, suffix):
    with pytest.raises(OutputError, match=r"its folder .*nowhere does not exist"):
        write(tmp_path / "nowhere" / f"a{suffix}")


@pytest.mark.parametrize("suffix", ALL)
def test_no_frames_is_an_error(tmp_path, suffix):
    with pytest.raises(OutputError, match="there were no frames to write"):
        write(tmp_path / f"a{suffix}", frames=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("count", [1, 5])
def test_interruption_keeps_the_frames_so_far(tmp_path, suffix, count):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(KeyboardInterrupt):
        write_and_raise(path, KeyboardInterrupt(), frames=count)
    assert len(read(path)) == count
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_while_a_frame_is_written_loses_none(tmp_path, suffix, monkeypatch):
    """It comes in the middle of an encoder's call, and again while the file is completed."""
    presses = []

    def press(call):
        def pressed(*arguments, **options):
            result = call(*arguments, **options)
            presses.append(signal.raise_signal(signal.SIGINT))
            return result

        return pressed

    monkeypatch.setattr(video.Image, "fromarray", press(video.Image.fromarray))
    monkeypatch.setattr(video, "_plain_encoder", lambda pixels, make=video._plain_encoder: press(make(pixels)))
    monkeypatch.setattr(video.gif.GifEncoder, "__call__", press(video.gif.GifEncoder.__call__))
    path = tmp_path / f"a{suffix}"
    with pytest.raises(KeyboardInterrupt):
        write(path, frames=3)
    assert presses
    assert len(read(path)) == 1
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ALL)
def test_interruption_before_the_first_frame_leaves_nothing(tmp_path, suffix):
    with pytest.raises(KeyboardInterrupt):
        write_and_raise(tmp_path / f"a{suffix}", KeyboardInterrupt(), frames=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ALL)
def test_other_errors_leave_nothing(tmp_path, suffix):
    with pytest.raises(RuntimeError, match="the renderer broke"):
        write_and_raise(tmp_path / f"a{suffix}", RuntimeError("the renderer broke"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", list(video.FORMATS))
def test_other_errors_leave_an_existing_file_untouched(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"precious")
    with pytest.raises(RuntimeError, match="the renderer broke"):
        write_and_raise(path, RuntimeError("the renderer broke"))
    assert path.read_bytes() == b"precious"
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_an_existing_file_is_replaced(tmp_path):
    (tmp_path / "a.apng").write_bytes(b"old")
    write(tmp_path / "a.apng")
    assert len(read(tmp_path / "a.apng")) == FRAMES


@pytest.mark.parametrize("suffix", ["", ".gif"])
def test_full_disks_are_reported(tmp_path, monkeypatch, suffix):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save" if suffix == "" else "quantize", full)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\)"):
        write(tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


def test_gif_gives_frames_out_before_the_end():
    """Memory is bounded: a dozen frames wait for the palette, then each goes out as it comes."""
    encoder = gif.GifEncoder(False)
    counts = [len(encoder(frame(number, transparent=False))) for number in range(14)]
    assert counts == [0] * 11 + [12, 1, 1]
    assert encoder(None) == []


def test_gif_takes_in_colours_that_show_later():
    """A red patch that opens after fifty grey pictures is red, not the nearest grey."""
    encoder = gif.GifEncoder(False)
    grey = np.full((32, 32, 3), 128, np.uint8)
    grey[:, ::2] = 90
    for _ in range(50):
        encoder(grey)
    late = grey.copy()
    late[8:24, 8:24] = (220, 30, 30)
    (frame,) = encoder(late)
    assert_color(frame.to_ndarray(format="rgb24")[16, 16], (220, 30, 30), 4)


def test_gif_palette_settles_where_no_palette_has_all_colours(monkeypatch):
    """Noise has more colours than fit: after a few attempts the palette is kept."""
    rng, learned = np.random.default_rng(0), []
    learn = gif.GifEncoder._learn
    monkeypatch.setattr(gif.GifEncoder, "_learn", lambda self, new: (learned.append(len(new)), learn(self, new)))
    encoder = gif.GifEncoder(False)
    for _ in range(40):
        encoder(rng.integers(0, 256, (32, 32, 3), np.uint8))
    assert len(learned) <= 4


def test_gif_palette_does_not_flicker(tmp_path):
    """A patch that does not change has one colour in all frames, though the rest of the picture changes."""
    rng = np.random.default_rng(0)
    with open_writer(tmp_path / "a.gif") as append:
        for _ in range(20):
            picture = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
            picture[:16, :16] = (201, 117, 53)
            append(picture)
    seen = {tuple(got[8, 8]) for got in read(tmp_path / "a.gif")}
    assert len(seen) == 1
    assert_color(seen.pop(), (201, 117, 53), 16)  # 255 colours for noise: a step of some 40 levels
