"""The released checkpoint becomes one file, with its licence; what is wrong with others is said in one line."""

import jax
import numpy as np
import pytest

from jaxanim.cli import main
from jaxanim.core.errors import WeightsError
from jaxanim.tracking.deca import files, networks, weights
from jaxanim.weights import name_table
from tests.tracking.deca import released
from tests.weights import torch_writer


@pytest.fixture(scope="module")
def state():
    return released.state_dict()


def test_table_names_every_released_tensor_once():
    sources = [row.source for row in weights.deca_encoder()]
    counters = {name for name in released.manifest() if name.endswith("num_batches_tracked")}
    assert len(sources) == len(set(sources)) == 322 - 53
    assert set(sources) == set(released.manifest()) - counters


def test_table_fills_every_leaf_once():
    image = jax.ShapeDtypeStruct((1, 224, 224, 3), np.float32)
    leaves = name_table.flatten(jax.eval_shape(networks.DecaEncoder().init, jax.random.key(0), image)["params"])
    paths = [row.path for row in weights.deca_encoder()]
    assert len(paths) == len(set(paths))
    assert set(paths) == set(leaves)
    # Counted in the released encoder: 25,848,108 numbers that are trained, and two statistics for each of 26,560.
    assert sum(int(np.prod(leaf.shape)) for leaf in leaves.values()) == 25_848_108 + 2 * 26_560


@pytest.fixture(scope="module")
def converted(state, tmp_path_factory):
    """A folder with the released file in it, as a training writes it, and what the command makes of it."""
    folder = tmp_path_factory.mktemp("deca")
    beside = {"E_detail": {"a": np.zeros(2, np.float32)}, "opt": {"state": {0: {"step": 3}}}, "global_step": 7}
    torch_writer.write(folder / "deca_model.tar", {"E_flame": state, **beside})
    target = folder / "deca.safetensors"
    assert main.main(["convert", "deca", str(folder), "-o", str(target)]) == 0
    yield target
    for path in folder.iterdir():
        path.unlink()


def test_weights_arrive_where_they_belong(converted, state):
    card, params = files.read_deca(converted)
    assert (card.system, card.licence) == ("deca", files.LICENCE)
    kernel = params["backbone"]["stage1_block0"]["shortcut_conv"]["kernel"]
    np.testing.assert_array_equal(kernel, state["encoder.layer2.0.downsample.0.weight"].transpose(2, 3, 1, 0))
    last = params["backbone"]["stage3_block2"]["norm2"]
    np.testing.assert_array_equal(last["var"], state["encoder.layer4.2.bn3.running_var"])
    np.testing.assert_array_equal(last["mean"], state["encoder.layer4.2.bn3.running_mean"])
    np.testing.assert_array_equal(params["dense1"]["kernel"], state["layers.2.weight"].T)


def test_info_says_what_it_is(converted, capsys):
    assert main.main(["info", str(converted)]) == 0
    text = capsys.readouterr().out
    for words in ("DECA encoder", "non-commercial", "25,901,228 deca_encoder", "224x224"):
        assert words in text
    assert "mouth_aaa" not in text


def test_unknown_tensors(state):
    with pytest.raises(WeightsError, match=r"net: unknown in the file: encoder\.fc\.weight"):
        files.from_state_dict(state | {"encoder.fc.weight": np.zeros((2, 2048), np.float32)}, what="net")


def test_counters_of_unknown_norms(state):
    counter = {"encoder.bn7.num_batches_tracked": np.zeros((), np.int64)}
    with pytest.raises(WeightsError, match=r"unknown in the file: encoder\.bn7\.num_batches_tracked"):
        files.from_state_dict(state | counter, what="net")


def test_missing_tensors(state):
    with pytest.raises(WeightsError, match=r"missing in the file: layers\.2\.bias"):
        files.from_state_dict({name: array for name, array in state.items() if name != "layers.2.bias"}, what="net")


def test_the_encoder_of_details_is_refused(state):
    """Its last layer has 128 outputs."""
    other = state | {"layers.2.weight": np.zeros((128, 1024), np.float32), "layers.2.bias": np.zeros(128, np.float32)}
    with pytest.raises(WeightsError, match=r"layers\.2\.weight has shape \(128, 1024\)"):
        files.from_state_dict(other, what="net")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"E_detail": {}}, r"holds no 'E_flame'.*holds \['E_detail'\]"),
        ([1, 2], "holds list"),
        ({"E_flame": {"encoder.conv1.weight": 3}}, "E_flame: entry 'encoder.conv1.weight' is a int, not a tensor"),
        ({"E_flame": {"encoder.conv1.weight": np.zeros(3, np.float32)}}, "E_flame: missing in the file"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, capsys, content, message):
    path = tmp_path / "deca_model.tar"
    torch_writer.write(path, content)
    with pytest.raises(WeightsError, match=message):
        files.read_released(path)
    assert main.main(["convert", "deca", str(path), "-o", str(tmp_path / "deca.safetensors")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["deca_model.tar"]


def test_a_folder_without_the_file(tmp_path):
    with pytest.raises(WeightsError, match=r"deca_model\.tar: cannot be read"):
        files.read_released(tmp_path)
