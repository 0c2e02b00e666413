"""Released networks become one file, with what they are; what is wrong with others is said in one line."""

import numpy as np
import pytest

from jaxanim.cli import main
from jaxanim.core.errors import WeightsError
from jaxanim.tracking.h3r import files, networks, weights
from jaxanim.weights import name_table, weights_file
from jaxanim.weights.card import Card
from tests.tracking import released
from tests.weights import torch_writer

RELEASED = {"mobilenetv2": released.MOBILENET, "hrnet18": released.HRNET}


@pytest.mark.parametrize("backbone", networks.BACKBONES)
def test_tables_are_total(backbone):
    """Every tensor of the manifest once, every leaf of the network once, with as many numbers."""
    manifest = released.manifest(RELEASED[backbone])
    sources = [row.source for row in weights.h3r(backbone)]
    counters = {name for name in manifest if name.endswith("num_batches_tracked")}
    assert len(sources) == len(set(sources))
    assert set(sources) == set(manifest) - counters
    leaves = name_table.flatten(files.template(backbone))
    paths = [row.path for row in weights.h3r(backbone)]
    assert len(paths) == len(set(paths))
    assert set(paths) == set(leaves)
    for row in weights.h3r(backbone):
        assert sorted(leaves[row.path].shape) == sorted(manifest[row.source]), row


@pytest.fixture(scope="module")
def state():
    return released.state_dict(released.MOBILENET)


@pytest.fixture(scope="module")
def converted(state, tmp_path_factory):
    """The released file in a folder, and what the command makes of the folder."""
    folder = tmp_path_factory.mktemp("h3r")
    torch_writer.write(folder / "model.pth", state)
    target = folder / "h3r.safetensors"
    assert main.main(["convert", "h3r", str(folder), "-o", str(target)]) == 0
    return target


def test_weights_arrive_where_they_belong(converted, state):
    card, network = files.read_h3r(converted, flip_test=False)
    assert (card.system, card.licence, card.notes) == ("h3r", files.LICENCE, {"backbone": "mobilenetv2"})
    assert (network.backbone, network.flip_test, network.size, network.margin) == ("mobilenetv2", False, 256, 1.25)
    block = network.params["backbone"]["block4"]
    depthwise = state["backbone.features.5.conv.3.weight"]
    assert depthwise.shape == (192, 1, 3, 3)
    np.testing.assert_array_equal(block["depthwise_conv"]["kernel"], depthwise.transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(block["project_norm"]["var"], state["backbone.features.5.conv.7.running_var"])
    last = state["heatmap_head.head.layers.3.weight"]
    np.testing.assert_array_equal(network.params["logits"]["kernel"][0, 0], last[:, :, 0, 0].T)


def test_info_says_what_it_is(converted, capsys):
    assert main.main(["info", str(converted)]) == 0
    text = capsys.readouterr().out
    for words in ("H3R landmarks, mobilenetv2", "not stated by the authors", "612,160 h3r", "256x256"):
        assert words in text


def test_hrnet_is_recognised(monkeypatch):
    monkeypatch.setattr(files, "template", lambda backbone: {})  # tracing it takes seconds
    with pytest.raises(WeightsError, match=r"missing in the file: backbone\.bn1\.weight"):
        files.from_state_dict({"backbone.conv1.weight": np.zeros((64, 3, 3, 3), np.float32)}, what="net")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone.extra": np.zeros(2, np.float32)}, r"net: unknown in the file: backbone\.extra"),
        ({"backbone.bn.num_batches_tracked": np.zeros((), np.int64)}, "unknown in the file: backbone.bn.num_batches"),
        (
            {"heatmap_head.head.layers.3.weight": np.zeros((212, 152, 1, 1), np.float32)},
            r"heatmap_head\.head\.layers\.3\.weight has shape \(212, 152, 1, 1\)",  # of the network for 106 points
        ),
    ],
)
def test_other_tensors_are_refused(state, change, message):
    with pytest.raises(WeightsError, match=message):
        files.from_state_dict(state | change, what="net")


def test_other_files_are_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "other.pth"
    torch_writer.write(path, {"conv1.weight": np.zeros((64, 3, 7, 7), np.float32)})
    assert main.main(["convert", "h3r", str(path), "-o", str(tmp_path / "h3r.safetensors")]) == 2
    error = capsys.readouterr().err
    assert "holds neither of H3R's networks" in error
    assert len(error.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["other.pth"]
    with pytest.raises(WeightsError, match=r"model\.pth: cannot be read"):
        files.read_released(tmp_path)


def test_a_file_without_its_backbone(converted, tmp_path):
    path = tmp_path / "odd.safetensors"
    weights_file.write(path, Card("h3r", "odd", "own", "test"), {"params": {"h3r": {"a": np.zeros(1, np.float32)}}})
    with pytest.raises(WeightsError, match="its backbone is None, not one of"):
        files.read_h3r(path)
