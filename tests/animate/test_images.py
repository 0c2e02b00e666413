"""Pictures of strangers: what is read, what is refused and in which words; our own are written whole or not at all."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxanim.animate import images
from jaxanim.core.errors import InputError, OutputError

RED_THEN_CLEAR = np.array([[[255, 0, 0, 255], [0, 0, 0, 0]]], np.uint8)  # one row, two pixels


def png_claiming(width, height):
    """Returns a PNG of a hundred bytes whose header claims a size; its pixels are nearly all missing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)  # 8 bits, RGBA
    data = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_rgba_is_read_as_it_is(tmp_path):
    Image.fromarray(RED_THEN_CLEAR).save(tmp_path / "a.png")
    picture = images.read_rgba(tmp_path / "a.png")
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, RED_THEN_CLEAR)


def test_palette_with_a_transparent_entry(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=1)
    picture = images.read_rgba(tmp_path / "a.png")
    assert picture[0, 0].tolist() == [255, 0, 0, 255]
    assert picture[0, 1].tolist() == [0, 0, 255, 0]


def test_palette_with_an_alpha_per_entry(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=bytes([255, 100]))
    assert images.read_rgba(tmp_path / "a.png")[0].tolist() == [[255, 0, 0, 255], [0, 0, 255, 100]]


def test_grey_with_alpha(tmp_path):
    Image.fromarray(np.array([[[7, 255], [9, 0]]], np.uint8)).save(tmp_path / "a.png")
    assert images.read_rgba(tmp_path / "a.png")[0].tolist() == [[7, 7, 7, 255], [9, 9, 9, 0]]


def test_webp_with_alpha(tmp_path):
    Image.fromarray(RED_THEN_CLEAR).save(tmp_path / "a.webp", lossless=True, exact=True)
    np.testing.assert_array_equal(images.read_rgba(tmp_path / "a.webp"), RED_THEN_CLEAR)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "I;16"])
def test_pictures_without_alpha_are_refused(tmp_path, mode):
    Image.new(mode, (3, 2)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=rf"a\.png: is a {mode} picture without transparency; .*RGBA PNG"):
        images.read_rgba(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable picture"),
        (b"hello", "not a readable picture"),
        (b"\x89PNG\r\n\x1a\n", "not a readable picture"),
        (png_claiming(4000, 4000), "damaged picture"),
    ],
    ids=["empty", "text", "signature", "cut"],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.png: {message}"):
        images.read_rgba(tmp_path / "a.png")


def test_truncated_picture_is_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
    images.write_png(tmp_path / "a.png", noise)
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.png: damaged picture \(.*truncated"):
        images.read_rgba(tmp_path / "a.png")


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.png: no such file"):
        images.read_rgba(tmp_path / "nothing.png")
    with pytest.raises(InputError, match="not a readable picture"):
        images.read_rgba(tmp_path)


@pytest.mark.parametrize(("width", "height"), [(8000, 8001), (10_000, 10_000), (30_000, 30_000)])
def test_decompression_bombs_are_refused_from_the_header(tmp_path, monkeypatch, width, height):
    """30000x30000 is beyond Pillow's own limit, 10000x10000 where it warns, 8000x8001 just beyond ours."""
    (tmp_path / "a.png").write_bytes(png_claiming(width, height))
    monkeypatch.setattr(Image.Image, "convert", lambda _: pytest.fail("pixels were decoded"))
    with pytest.raises(InputError, match=r"a\.png: is larger than 64 megapixels"):
        images.read_rgba(tmp_path / "a.png")


@pytest.mark.parametrize("channels", [3, 4])
def test_write_png(tmp_path, channels):
    picture = np.arange(2 * 3 * channels, dtype=np.uint8).reshape(2, 3, channels)
    images.write_png(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_write_png_keeps_the_old_file_when_it_fails(tmp_path, monkeypatch):
    images.write_png(tmp_path / "a.png", RED_THEN_CLEAR)

    def save_half(_, path, **__):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", save_half)
    with pytest.raises(OutputError, match=r"a\.png: cannot be written \(No space left on device\)"):
        images.write_png(tmp_path / "a.png", 255 - RED_THEN_CLEAR)
    np.testing.assert_array_equal(images.read_rgba(tmp_path / "a.png"), RED_THEN_CLEAR)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_write_png_into_a_missing_folder(tmp_path):
    with pytest.raises(OutputError, match=r"nowhere.* does not exist"):
        images.write_png(tmp_path / "nowhere" / "a.png", RED_THEN_CLEAR)


@pytest.mark.parametrize(
    ("mode", "wanted"), [("RGB", [10, 200, 30]), ("L", [124, 124, 124]), ("P", [10, 200, 30]), ("RGBA", [10, 200, 30])]
)
def test_photos_of_every_kind(tmp_path, mode, wanted):
    image = Image.new("RGB", (3, 2), (10, 200, 30))
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "a.png")
    picture = images.read_rgb(tmp_path / "a.png", background=(255, 255, 255))
    assert picture.shape == (2, 3, 3)
    assert picture[0, 0].tolist() == wanted


def test_photos_are_turned_upright(tmp_path):
    """Orientation 6: what is stored as the left column is the top row."""
    image = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    picture = images.read_rgb(tmp_path / "a.png", background=(0, 0, 0))
    np.testing.assert_array_equal(picture, [[[255, 0, 0]], [[0, 0, 255]]])


def test_transparent_photos_show_the_background(tmp_path):
    Image.fromarray(RED_THEN_CLEAR).save(tmp_path / "a.png")
    picture = images.read_rgb(tmp_path / "a.png", background=(1, 2, 3))
    np.testing.assert_array_equal(picture, [[[255, 0, 0], [1, 2, 3]]])


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "F"])
def test_photos_without_one_right_way_to_show_them(tmp_path, mode):
    path = tmp_path / "a.tiff"
    Image.new(mode, (4, 4)).save(path)
    with pytest.raises(InputError, match="save it as 8-bit RGB or grey"):
        images.read_rgb(path, background=(0, 0, 0))


def test_photos_that_claim_a_size_or_are_cut_short(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_claiming(60000, 60000))
    with pytest.raises(InputError, match="larger than 64 megapixels"):
        images.read_rgb(tmp_path / "bomb.png", background=(0, 0, 0))
    (tmp_path / "cut.png").write_bytes(png_claiming(64, 64))
    with pytest.raises(InputError, match="damaged picture"):
        images.read_rgb(tmp_path / "cut.png", background=(0, 0, 0))
