"""Pictures of every kind become RGB by the stated rules; damaged and hostile ones raise, naming the file."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxanim.core.errors import InputError
from jaxanim.data import CorruptRecordError, image_folder, pictures


def encoded(image, form="PNG", **options):
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def bomb(width, height):
    """A PNG of a few bytes that claims a size."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def palette(transparency=None):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    return encoded(image, **({} if transparency is None else {"transparency": transparency}))


RGBA = Image.fromarray(np.array([[[100, 0, 200, 0], [100, 0, 200, 51], [100, 0, 200, 255]]], np.uint8))


@pytest.mark.parametrize(
    ("data", "want"),
    [
        (encoded(Image.new("RGB", (1, 1), (1, 2, 3))), [[1, 2, 3]]),
        (encoded(Image.new("L", (1, 1), 7)), [[7, 7, 7]]),
        (encoded(Image.new("1", (1, 1), 1)), [[255, 255, 255]]),
        (palette(), [[10, 20, 30], [40, 50, 60]]),
        (palette(transparency=0), [[255, 255, 255], [40, 50, 60]]),
        (encoded(RGBA), [[255, 255, 255], [224, 204, 244], [100, 0, 200]]),
        (encoded(Image.new("LA", (1, 1), (40, 0))), [[255, 255, 255]]),
    ],
    ids=["rgb", "grey", "bilevel", "palette", "palette with transparency", "rgba", "grey with alpha"],
)
def test_rules(data, want):
    np.testing.assert_array_equal(pictures.decode_rgb(data, "x"), [want])


def test_another_background():
    np.testing.assert_array_equal(pictures.decode_rgb(encoded(RGBA), "x", background=(0, 50, 0))[0, 0], [0, 50, 0])


def test_rgba_is_kept_or_refused():
    np.testing.assert_array_equal(pictures.decode_rgba(encoded(RGBA), "x")[0, :, 3], [0, 51, 255])
    with pytest.raises(CorruptRecordError, match="x: is a RGB picture without transparency"):
        pictures.decode_rgba(encoded(Image.new("RGB", (1, 1))), "x")


def test_a_photograph_held_upright():
    image = Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to show
    np.testing.assert_array_equal(pictures.decode_rgb(encoded(image, exif=exif), "x"), np.rot90(np.asarray(image), -1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"a\.png: not a readable picture \(0 bytes"),
        (b"no picture at all", r"a\.png: not a readable picture"),
        (encoded(Image.effect_noise((64, 64), 9).convert("RGB"))[:2000], r"a\.png: damaged picture"),
        (encoded(Image.effect_noise((64, 64), 9).convert("RGB"), "JPEG")[:1000], r"a\.png: damaged picture"),
        (bomb(9000, 9000), r"a\.png: 9000x9000 is larger than 64 megapixels"),
        (bomb(60000, 60000), r"a\.png: is larger than 64 megapixels"),
        (encoded(Image.new("CMYK", (1, 1)), "JPEG"), r"a\.png: is a CMYK picture; RGB, "),
        (encoded(Image.new("I;16", (1, 1))), r"a\.png: is a I;16 picture"),
        (encoded(Image.new("RGB", (1, 1)), "GIF"), r"a\.png: not a readable picture .* PNG, JPEG, WEBP, BMP"),
    ],
    ids=["empty", "text", "short png", "short jpeg", "bomb", "big bomb", "cmyk", "16 bit", "gif"],
)
def test_what_cannot_be_read(data, message):
    with pytest.raises(CorruptRecordError, match=message):
        pictures.decode_rgb(data, "a.png")


@pytest.mark.filterwarnings("error")
def test_a_bomb_that_pillow_only_warns_of():
    with pytest.raises(CorruptRecordError, match="x: "):
        pictures.decode_rgb(bomb(12000, 9000), "x")


def test_square():
    picture = np.zeros((2, 4, 3), np.uint8)
    picture[:, 1:3] = 200
    np.testing.assert_array_equal(pictures.square(picture, 2), np.full((2, 2, 3), 200))
    assert (pictures.square(picture, 5) == 200).all()
    halves = np.zeros((4, 4, 4), np.uint8)
    halves[:, :2] = [250, 250, 250, 255]  # the right half is transparent black: it darkens nothing
    small = pictures.square(halves, 3)
    assert small[1, 1, 3] not in (0, 255)
    assert abs(int(small[1, 1, 0]) - 250) <= 2


def test_encoding():
    picture = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(pictures.decode_rgb(pictures.encode(picture), "x"), picture)
    assert np.abs(pictures.decode_rgb(pictures.encode(picture, quality=98), "x").astype(int) - picture).max() < 40


def test_image_folder(tmp_path):
    (tmp_path / "b").mkdir()
    for name, level in (("b/2.png", 1), ("a.PNG", 2), ("b/10.png", 3), ("c.bmp", 4)):
        form = "BMP" if name.endswith("bmp") else "PNG"
        (tmp_path / name).write_bytes(encoded(Image.new("L", (6, 4), level), form))
    (tmp_path / "notes.txt").write_text("not a picture")
    folder = image_folder.ImageFolder(tmp_path, size=2)
    assert [path.as_posix() for path in folder.names] == ["a.PNG", "b/10.png", "b/2.png", "c.bmp"]
    assert [int(folder[i]["image"][0, 0, 0]) for i in range(len(folder))] == [2, 3, 1, 4]
    assert folder[0]["image"].shape == (2, 2, 3)
    (tmp_path / "a.PNG").write_bytes(b"damaged")
    with pytest.raises(CorruptRecordError, match=r"a\.PNG: not a readable picture"):
        folder[0]
    (tmp_path / "c.bmp").unlink()
    with pytest.raises(InputError, match="is gone") as error:
        folder[3]
    assert not isinstance(error.value, CorruptRecordError)


def test_folders_without_pictures(tmp_path):
    with pytest.raises(InputError, match="holds no pictures"):
        image_folder.ImageFolder(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        image_folder.ImageFolder(tmp_path / "missing")
