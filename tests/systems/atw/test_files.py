"""Released checkpoints become one file with its design; what is wrong with others is said in one line."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxanim.cli import main
from jaxanim.core.errors import WeightsError
from jaxanim.systems.atw import Atw, files, presets
from jaxanim.weights import name_table, weights_file
from jaxanim.weights.card import Card
from tests.systems.atw import released
from tests.weights import torch_writer

NETWORKS = {
    "gen": "generator_class_d8_ngf64",
    "dis": "discriminator_class_d8",
    "dis_warp": "discriminator_warp_class_d8",
}


@pytest.fixture(scope="module")
def states():
    return {name: released.state_dict(network) for name, network in NETWORKS.items()}


@pytest.fixture(scope="module")
def folder(states, tmp_path_factory):
    """A folder with the three released files of an epoch, and what the command makes of it."""
    folder = tmp_path_factory.mktemp("atw")
    for name, state in states.items():
        torch_writer.write(folder / f"300_net_{name}.pth", state)
    assert main.main(["convert", "atw", str(folder), "-o", str(folder / "atw.safetensors")]) == 0
    return folder


@pytest.mark.parametrize("group", files.TABLES)
def test_tables_name_every_released_tensor_and_fill_every_leaf_once(group, states):
    state = states[dict(zip(files.TABLES, NETWORKS, strict=True))[group]]
    table = files.TABLES[group]
    assert sorted(row.source for row in table) == sorted(state)
    leaves = name_table.flatten(jax.eval_shape(Atw(presets.RAFD).init, jax.random.key(0))["params"][group])
    assert sorted(row.path for row in table) == sorted(leaves)


def test_weights_arrive_where_they_belong(folder, states):
    card, design, variables = files.read_atw(folder / "atw.safetensors")
    assert (card.system, card.name) == ("atw", "ATW rafd")
    assert design == presets.RAFD
    params = variables["params"]
    kernel = params["generator"]["motion"]["up1_conv"]["kernel"]
    flipped = states["gen"]["flow_pred.3.weight"][:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
    np.testing.assert_array_equal(kernel, flipped)
    last = params["generator"]["refinement"]["block3"]["conv1"]["kernel"]
    np.testing.assert_array_equal(last, states["gen"]["refine.5.conv_block.2.weight"].transpose(2, 3, 1, 0))
    for group, name in (("discriminator", "dis"), ("warp_discriminator", "dis_warp")):
        head = params[group]["drive_conv"]["kernel"]
        np.testing.assert_array_equal(head, states[name]["aus_top.weight"].transpose(2, 3, 1, 0))


def test_the_generator_alone_is_enough(folder, tmp_path):
    target = tmp_path / "atw.safetensors"
    source = str(folder / "300_net_gen.pth")
    assert main.main(["convert", "atw", source, "-o", str(target), "--name", "Smile", "--licence", "CC0"]) == 0
    card, _, variables = files.read_atw(target)
    assert (card.name, card.licence) == ("Smile", "CC0")
    assert set(variables["params"]) == {"generator"}


def test_info_says_what_it_is(folder, capsys):
    assert main.main(["info", str(folder / "atw.safetensors")]) == 0
    text = capsys.readouterr().out
    for words in ("ATW rafd", "2,385,536 generator", "classes or action units", '"reach": 0.2', "not stated"):
        assert words in text


def test_other_files_are_refused_in_one_line(folder, tmp_path, capsys, states):
    torch_writer.write(tmp_path / "other.pth", {"conv.weight": np.zeros((2, 2), np.float32)})
    more = states["dis"] | {"model.12.weight": np.zeros(3, np.float32)}
    torch_writer.write(tmp_path / "more.pth", more)
    torch_writer.write(tmp_path / "wide.pth", {"encoding.0.weight": np.zeros((32, 11, 7, 7), np.float32)})
    generator, target = str(folder / "300_net_gen.pth"), tmp_path / "atw.safetensors"
    for sources, message in (
        ([str(tmp_path / "other.pth")], "is none of ATW's networks"),
        ([str(tmp_path)], "holds no *_net_gen.pth"),
        ([str(folder / "300_net_dis.pth")], "no generator"),
        ([generator, generator], "a second generator"),
        ([str(tmp_path / "wide.pth")], "width 32 with 8 drives; known are rafd (64, 8)"),
        ([generator, str(tmp_path / "more.pth")], "unknown in the file: model.12.weight"),
    ):
        assert main.main(["convert", "atw", *sources, "-o", str(target)]) == 2
        printed = capsys.readouterr().err
        assert message in printed
        assert len(printed.splitlines()) == 1
        assert not target.exists()


def test_other_systems_take_one_source(folder, tmp_path, capsys):
    arguments = ["convert", "deca", str(folder), str(folder), "-o", str(tmp_path / "x.safetensors")]
    assert main.main(arguments) == 2
    assert "takes one folder or file, got 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ({}, "does not say the design"),
        ({"design": "{"}, "is damaged"),
        ({"design": json.dumps({"width": 64})}, "is damaged"),
        ({"design": json.dumps({**dataclasses.asdict(presets.RAFD), "width": "64"})}, "is damaged"),
        ({"design": json.dumps({**dataclasses.asdict(presets.RAFD), "width": 32})}, "float32"),
    ],
)
def test_cards_that_do_not_fit(folder, tmp_path, notes, message):
    _, arrays = weights_file.read(folder / "atw.safetensors", system="atw")
    path = tmp_path / "x.safetensors"
    generator = {"params": {"generator": arrays["params"]["generator"]}}
    weights_file.write(path, Card("atw", "x", "CC0", "test", notes), generator)
    with pytest.raises(WeightsError, match=message):
        files.read_atw(path)
