"""The released network and its mean face become one file; what is wrong with others is said in one line."""

import numpy as np
import pytest

from jaxanim.cli import main
from jaxanim.core.errors import InputError, WeightsError
from jaxanim.tracking.pipnet import files, neighbours, weights
from jaxanim.weights import name_table, weights_file
from jaxanim.weights.card import Card
from tests.tracking import released
from tests.weights import torch_writer


def test_table_is_total():
    """Every tensor of the manifest once, every leaf of the network once, with as many numbers."""
    manifest = released.manifest(released.PIPNET)
    rows = weights.pipnet()
    counters = {name for name in manifest if name.endswith("num_batches_tracked")}
    assert len(rows) == len({row.source for row in rows}) == len({row.path for row in rows})
    assert {row.source for row in rows} == set(manifest) - counters
    leaves = name_table.flatten(files.template())
    assert {row.path for row in rows} == set(leaves)
    for row in rows:
        assert sorted(leaves[row.path].shape) == sorted(manifest[row.source]), row


@pytest.fixture(scope="module")
def face():
    """Any face; 98 points of which none lie on each other."""
    angle = np.arange(98) * 2.4
    return np.stack([0.5 + 0.004 * np.arange(98) * np.cos(angle), 0.5 + 0.004 * np.arange(98) * np.sin(angle)], axis=1)


@pytest.fixture(scope="module")
def converted(face, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipnet")
    torch_writer.write(folder / "epoch59.pth", released.state_dict(released.PIPNET))
    (folder / "meanface.txt").write_text(" ".join(map(str, face.ravel())) + "\n")
    target = folder / "pipnet.safetensors"
    given = [str(folder / "epoch59.pth"), str(folder / "meanface.txt")]
    assert main.main(["convert", "pipnet", *given, "-o", str(target)]) == 0
    return target


def test_weights_arrive_where_they_belong(converted, face):
    state = released.state_dict(released.PIPNET)
    card, network = files.read_pipnet(converted)
    assert (card.system, card.licence) == ("pipnet", files.LICENCE)
    assert (network.size, network.margin) == (256, 1.4)
    np.testing.assert_array_equal(network.neighbours, neighbours.nearest(face))
    block = network.params["backbone"]["stage2_block0"]
    kernel = state["layer3.0.downsample.0.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(block["shortcut_conv"]["kernel"], kernel)
    np.testing.assert_array_equal(block["norm1"]["mean"], state["layer3.0.bn2.running_mean"])
    np.testing.assert_array_equal(network.params["neighbour_y"]["bias"], state["nb_y_layer.bias"])


def test_info_says_what_it_is(converted, capsys):
    assert main.main(["info", str(converted)]) == 0
    text = capsys.readouterr().out
    for words in ("PIPNet landmarks, resnet18", "MIT", "pipnet", "256x256"):
        assert words in text


def test_the_mean_face_is_needed(converted, tmp_path, capsys):
    network = str(converted.parent / "epoch59.pth")
    assert main.main(["convert", "pipnet", network, "-o", str(tmp_path / "p.safetensors")]) == 2
    error = capsys.readouterr().err
    assert "meanface.txt" in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "0.5 0.5", "a b", " ".join(["nan"] * 196)])
def test_other_mean_faces_are_refused(tmp_path, text):
    path = tmp_path / "meanface.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=r"meanface\.txt: (a mean face is 196 finite numbers|not the mean face)"):
        neighbours.read_mean_face(path)
    with pytest.raises(InputError, match="cannot be read"):
        neighbours.read_mean_face(tmp_path / "none.txt")


def test_missing_and_unknown_tensors():
    state = released.state_dict(released.PIPNET)
    with pytest.raises(WeightsError, match=r"net: missing in the file: cls_layer\.bias"):
        files.from_state_dict({name: array for name, array in state.items() if name != "cls_layer.bias"}, what="net")
    with pytest.raises(WeightsError, match=r"net: unknown in the file: fc\.weight"):
        files.from_state_dict(state | {"fc.weight": np.zeros((2, 512), np.float32)}, what="net")


def test_a_file_without_its_neighbours(monkeypatch, tmp_path):
    params = {"a": np.zeros(1, np.float32)}
    monkeypatch.setattr(files, "template", lambda: params)
    for more, message in (({}, "holds no 'neighbours'"), ({"neighbours": np.zeros((98, 10), np.int32)}, "point never")):
        weights_file.write(
            tmp_path / "p.safetensors", Card("pipnet", "p", "own", "t"), {"params": {"pipnet": params}, **more}
        )
        with pytest.raises(WeightsError, match=message):
            files.read_pipnet(tmp_path / "p.safetensors")
