"""What the tests of recipes share: small pictures and films on disk, and a build that is read back."""

import json

import av
import numpy as np
import scipy.io
from PIL import Image

from data_pipelines import build
from jaxanim.data import pictures
from jaxanim.data.record_folder import RecordFolder


def save(path, color, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "RGBA" if len(color) == 4 else "RGB"
    path.write_bytes(pictures.encode(np.asarray(Image.new(mode, size, color))))


def film(path, levels, size=64):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for level in levels:
            frame = av.VideoFrame.from_ndarray(np.full((size, size, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def run(tmp_path, name, *options):
    """Builds in this process and reads the result."""
    out = tmp_path / "built"
    arguments = [name, "--source", str(tmp_path / "raw"), "--data-dir", str(out), "--workers", "0", *options]
    assert build.main(arguments) == 0
    return RecordFolder(out)


def skipped(tmp_path):
    """Returns what was left out of a build of one shard."""
    return json.loads((tmp_path / "built" / "00000-of-00001.json").read_text())["skipped"]


def fitted(path, points, **change):
    """Writes a .mat file as 300W-LP has them; points (68, 2) in MATLAB's pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "pt2d": np.asarray(points, np.float64).T,
        "roi": np.array([[1, 1, 450, 450]], np.int16),
        "Shape_Para": np.arange(199.0).reshape(-1, 1) * 1e3,
        "Exp_Para": np.arange(29.0).reshape(-1, 1),
        "Pose_Para": np.float32([[0.1, -0.2, 0.3, 20.0, 24.0, -60.0, 0.001]]),
        "Tex_Para": np.full((199, 1), 2.0),
        "Color_Para": np.full((1, 7), 3.0),
        "Illum_Para": np.full((1, 10), 4.0),
    }
    content = {name: value for name, value in {**content, **change}.items() if value is not None}
    scipy.io.savemat(path, content)
