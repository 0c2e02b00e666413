"""Face detectors in ONNX files: YuNet (Wu et al. 2023, OpenCV's zoo) and Ultra-Light-Fast (version RFB or slim).

Which of the two a file holds is told by its outputs. The boxes of both networks, around the whole face, become those of
all our detectors.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from jaxanim.core.errors import InputError
from jaxanim.tracking import alignments
from jaxanim.tracking.crops import Box
from jaxanim.tracking.detect import Detection, best, overlap
from jaxanim.weights import onnx_session

_STRIDES = (8, 16, 32)
_YUNET = {f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in _STRIDES}
_ULTRA_LIGHT = {"scores", "boxes"}
_YUNET_SIDE = 640  # longest side of its pictures where the file leaves their size open
_MIN_SCORES = {"yunet": 0.6, "ultra-light": 0.7}
_MAX_OVERLAP = 0.3
_SIDE_OF_HEIGHT = 0.85  # our square's side over the height of a box from the hairline to the chin


class OnnxDetector:
    """A detector from a file, run by onnxruntime on the CPU."""

    def __init__(self, path: Path):
        """Opens a file.

        Raises:
          InputError: onnxruntime is not installed, the file is damaged, or holds another network.
        """
        self._session = onnx_session.make_session(path)
        entry = self._session.get_inputs()[0]
        self._name, shape = entry.name, entry.shape
        outputs = {output.name: output.shape for output in self._session.get_outputs()}
        self._kind = _kind(outputs, len(self._session.get_inputs()), shape)
        if self._kind is None:
            raise InputError(
                f"{path}: holds no face detector that is known here (YuNet with outputs cls_8 to kps_32, "
                f"Ultra-Light-Fast with scores and boxes, pictures as (1, 3, height, width)); its outputs are "
                f"{', '.join(f'{name} {shape}' for name, shape in outputs.items())}, its input is {shape}"
            )
        fixed = [side for side in shape[2:] if isinstance(side, int)]
        self._size = (fixed[0], fixed[1]) if len(fixed) == 2 else None

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Detection, ...]:
        """Returns the faces of a picture; scores are the network's, 0 to 1."""
        if self._kind == "ultra-light":
            return self._ultra_light(picture)
        return self._yunet(picture)

    def _run(self, planes: Float[np.ndarray, "h w 3"]) -> Mapping[str, np.ndarray]:
        names = [output.name for output in self._session.get_outputs()]
        feed = {self._name: np.ascontiguousarray(planes.transpose(2, 0, 1)[None], np.float32)}
        return dict(zip(names, self._session.run(names, feed), strict=True))

    def _yunet(self, picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Detection, ...]:
        """YuNet sees BGR, 0 to 255, at its sides' proportions, with black to the right of and below the picture."""
        height, width = picture.shape[:2]
        if self._size is None:
            scale = min(1.0, _YUNET_SIDE / max(height, width))
        else:
            scale = min(self._size[0] / height, self._size[1] / width)
        sides = max(1, round(width * scale)), max(1, round(height * scale))
        small = np.asarray(Image.fromarray(picture).resize(sides, Image.Resampling.BILINEAR), np.float32)
        rows, columns = self._size or tuple(-(-side // _STRIDES[-1]) * _STRIDES[-1] for side in small.shape[:2])
        padded = np.zeros((rows, columns, 3), np.float32)
        padded[: small.shape[0], : small.shape[1]] = small[..., ::-1]
        scores, boxes, points = _decode_yunet(self._run(padded), rows, columns)
        back = np.array([width / sides[0], height / sides[1]])
        kept = _keep(boxes * np.tile(back, 2), scores, _MIN_SCORES["yunet"])
        # Its landmarks have our order: eyes, nose, mouth, the picture's left first.
        return best([Detection(alignments.face_box(points[index] * back), float(scores[index])) for index in kept])

    def _ultra_light(self, picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Detection, ...]:
        """Ultra-Light-Fast sees RGB, minus 127 over 128, stretched to its size; boxes are corners in shares of it."""
        height, width = picture.shape[:2]
        rows, columns = self._size or (240, 320)
        small = np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BILINEAR), np.float32)
        outputs = self._run((small - 127) / 128)
        scores, corners = outputs["scores"][0, :, 1], outputs["boxes"][0] * np.array([width, height, width, height])
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).astype(np.float64)
        kept = _keep(boxes, scores, _MIN_SCORES["ultra-light"])
        return best([Detection(_square(boxes[index]), float(scores[index])) for index in kept])


def _kind(outputs: Mapping[str, list[Any]], inputs: int, shape: list[Any]) -> str | None:
    if inputs != 1 or len(shape) != 4 or shape[1] != 3:
        return None
    if set(outputs) == _YUNET:
        return "yunet"
    if set(outputs) == _ULTRA_LIGHT and outputs["scores"][-1] == 2 and outputs["boxes"][-1] == 4:
        return "ultra-light"
    return None


def _decode_yunet(
    outputs: Mapping[str, np.ndarray], rows: int, columns: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n 4"], Float[np.ndarray, "n 5 2"]]:
    """Returns scores, boxes (x, y, width, height) and landmarks in pixels of the network's picture."""
    scores, boxes, points = [], [], []
    for stride in _STRIDES:
        x, y = np.meshgrid(np.arange(columns // stride), np.arange(rows // stride))
        cells = np.stack([x.ravel(), y.ravel()], axis=-1).astype(np.float64)
        raw = {kind: outputs[f"{kind}_{stride}"].reshape(len(cells), -1) for kind in ("cls", "obj", "bbox", "kps")}
        scores.append(np.sqrt(np.clip(raw["cls"][:, 0], 0, 1) * np.clip(raw["obj"][:, 0], 0, 1)))
        sides = np.exp(raw["bbox"][:, 2:].astype(np.float64)) * stride
        centers = (cells + raw["bbox"][:, :2]) * stride
        boxes.append(np.concatenate([centers - sides / 2, sides], axis=1))
        points.append((cells[:, None] + raw["kps"].reshape(-1, 5, 2)) * stride)
    return np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)


def _keep(boxes: Float[np.ndarray, "n 4"], scores: Float[np.ndarray, " n"], threshold: float) -> list[int]:
    """Returns the numbers of the boxes that are good enough and overlap none that is better, best first."""
    kept: list[int] = []
    for index in np.argsort(-scores):
        if scores[index] < threshold:
            break
        if not kept or overlap(boxes[kept], boxes[index : index + 1]).max() <= _MAX_OVERLAP:
            kept.append(int(index))
    return kept


def _square(box: Float[np.ndarray, "4"]) -> Box:
    x, y, width, height = box.tolist()
    side = _SIDE_OF_HEIGHT * max(width, height)
    return Box(x + (width - side) / 2, y + (height - side) / 2, side, side)
