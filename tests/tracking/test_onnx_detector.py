"""Detectors in ONNX files: tiny graphs whose outputs are constants of YuNet's and Ultra-Light-Fast's layouts."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.tracking.onnx_detector import OnnxDetector

onnx = pytest.importorskip("onnx")


def write(path, outputs, size, *, with_mean=False):
    """Writes a graph with constant outputs.

    Args:
      path: of the file.
      outputs: arrays by name.
      size: height and width of its input; names leave them open.
      with_mean: whether the input's mean over everything is added to 'scores', to see what the network is fed.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes, values = [], []
    for name, array in outputs.items():
        constant = f"{name}_constant"
        nodes.append(helper.make_node("Constant", [], [constant], value=numpy_helper.from_array(array, constant)))
        if with_mean and name == "scores":
            nodes.append(helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0))
            nodes.append(helper.make_node("Add", [constant, "mean"], [name]))
        else:
            nodes.append(helper.make_node("Identity", [constant], [name]))
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape))
    entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, *size])
    model = helper.make_model(
        helper.make_graph(nodes, "detector", [entry], values), opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    onnx.save(model, str(path))
    return path


def yunet_outputs(faces, size=64):
    """Returns outputs of YuNet's layout.

    Args:
      faces: by stride, column and row of the cell: its score, box (x, y, width, height) and five points in pixels.
      size: side of the network's picture.
    """
    outputs = {}
    for stride in (8, 16, 32):
        cells = size // stride
        for kind, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{kind}_{stride}"] = np.zeros((1, cells * cells, width), np.float32)
        for (at, column, row), (score, (x, y, w, h), points) in faces.items():
            if at == stride:
                cell = np.array([column, row])
                index = row * cells + column
                outputs[f"cls_{stride}"][0, index] = score
                outputs[f"obj_{stride}"][0, index] = score
                center = np.array([x + w / 2, y + h / 2]) / stride - cell
                outputs[f"bbox_{stride}"][0, index] = [*center, np.log(w / stride), np.log(h / stride)]
                outputs[f"kps_{stride}"][0, index] = (np.array(points) / stride - cell).ravel()
    return outputs


# Eyes 16 apart, the mouth 16 below them: FFHQ's square has a side of 64, ours of 0.64 times 64, 0.31 times 16 below.
FACE = [(24, 20), (40, 20), (32, 28), (26, 36), (38, 36)]
BOX = (32 - 20.48, 20 + 4.96 - 20.48, 40.96)


@pytest.mark.parametrize(("size", "shape", "factor"), [((64, 64), (128, 128), 2), (("h", "w"), (64, 64), 1)])
def test_yunet(tmp_path, size, shape, factor):
    """Of two overlapping faces the better one stays; one that is not sure enough goes."""
    faces = {
        (8, 4, 3): (0.9, (16, 10, 32, 36), FACE),
        (16, 1, 1): (0.8, (17, 11, 32, 36), FACE),
        (32, 1, 1): (0.4, (50, 50, 10, 10), [(x + 20, y) for x, y in FACE]),
    }
    detector = OnnxDetector(write(tmp_path / "yunet.onnx", yunet_outputs(faces), size))
    (face,) = detector(np.zeros((*shape, 3), np.uint8))
    assert face.score == pytest.approx(0.9)
    got = (face.box.x, face.box.y, face.box.width)
    np.testing.assert_allclose(got, np.array(BOX) * factor, rtol=0, atol=1e-4)


def test_yunet_keeps_the_pictures_proportions(tmp_path):
    """A wide picture fills a fixed size from the top left: one scale for both axes."""
    detector = OnnxDetector(
        write(tmp_path / "yunet.onnx", yunet_outputs({(8, 4, 3): (0.9, (16, 10, 32, 36), FACE)}), (64, 64))
    )
    (face,) = detector(np.zeros((96, 192, 3), np.uint8))
    np.testing.assert_allclose((face.box.x, face.box.y, face.box.width), np.array(BOX) * 3, atol=1e-4)


def ultra_light_outputs():
    """Three boxes: a good one, one much like it, and one elsewhere; and one that is not sure enough."""
    corners = [[0.2, 0.25, 0.4, 0.75], [0.21, 0.25, 0.41, 0.75], [0.6, 0.1, 0.7, 0.3], [0.0, 0.5, 0.1, 0.9]]
    sure = np.array([0.95, 0.9, 0.8, 0.4])
    return {
        "scores": np.stack([1 - sure, sure], axis=-1)[None].astype(np.float32),
        "boxes": np.array([corners], np.float32),
    }


def test_ultra_light(tmp_path):
    """In a picture of 400x200: boxes of 80x100 and 40x40; squares have 0.85 of the longer side and the same middle."""
    detector = OnnxDetector(write(tmp_path / "rfb.onnx", ultra_light_outputs(), (24, 32)))
    first, second = detector(np.full((200, 400, 3), 127, np.uint8))
    np.testing.assert_allclose(first.box.center, [120, 100], atol=1e-3)
    assert first.box.width == first.box.height == pytest.approx(85)
    assert first.score == pytest.approx(0.95)
    np.testing.assert_allclose(second.box.center, [260, 40], atol=1e-3)
    assert second.box.width == pytest.approx(34)


def test_ultra_light_sees_numbers_around_zero(tmp_path):
    """Its scores are raised by the mean of what it sees here: (191 - 127) / 128 = 0.5 makes the fourth box sure."""
    detector = OnnxDetector(write(tmp_path / "rfb.onnx", ultra_light_outputs(), (24, 32), with_mean=True))
    assert len(detector(np.full((200, 400, 3), 127, np.uint8))) == 2
    assert sorted(face.score for face in detector(np.full((200, 400, 3), 191, np.uint8)))[0] == pytest.approx(0.9)


def test_no_face(tmp_path):
    detector = OnnxDetector(write(tmp_path / "yunet.onnx", yunet_outputs({}), (64, 64)))
    assert detector(np.zeros((50, 70, 3), np.uint8)) == ()


def test_other_networks(tmp_path):
    other = write(tmp_path / "other.onnx", {"logits": np.zeros((1, 10), np.float32)}, (64, 64))
    with pytest.raises(InputError, match=r"no face detector that is known .* its outputs are logits \[1, 10\]"):
        OnnxDetector(other)
    swapped = {"scores": np.zeros((1, 5, 4), np.float32), "boxes": np.zeros((1, 5, 2), np.float32)}
    with pytest.raises(InputError, match="no face detector"):
        OnnxDetector(write(tmp_path / "swapped.onnx", swapped, (64, 64)))


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        OnnxDetector(tmp_path / "missing.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError, match="not a readable ONNX file"):
        OnnxDetector(tmp_path / "broken.onnx")
