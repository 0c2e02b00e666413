"""Released checkpoints become one file with its design; what is wrong with others is said in one line."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxanim.cli import main
from jaxanim.core.errors import WeightsError
from jaxanim.systems.gdpw import files, networks, weights
from jaxanim.systems.gdpw import released as checkpoints
from jaxanim.systems.gdpw.presets import GUIDANCES, RELEASED, Design
from jaxanim.weights import name_table, weights_file
from jaxanim.weights.card import Card
from launch import finish_heads
from tests.systems.gdpw import released
from tests.systems.gdpw.released import SMALL
from tests.weights import torch_writer


@pytest.fixture(scope="module")
def states():
    return {group: released.small_state_dict(group) for group in (files.GENERATOR, files.DISCRIMINATOR)}


@pytest.fixture(scope="module")
def folder(states, tmp_path_factory):
    """A folder with a released file of a small design, and what the command makes of it."""
    folder = tmp_path_factory.mktemp("gdpw")
    torch_writer.write(folder / "PWM_both.pth", {**states, "global_step": 7})
    for name, options in (("gdpw", []), ("folded", ["--folded"])):
        target = str(folder / f"{name}.safetensors")
        assert main.main(["convert", "gdpw", str(folder / "PWM_both.pth"), "-o", target, *options]) == 0
    return folder


@pytest.mark.parametrize("guidance", GUIDANCES)
def test_table_of_the_generator_is_total(guidance):
    """Every released tensor is used or named as unused, every leaf of the network is filled once."""
    design, manifest = RELEASED[guidance], released.manifests()[f"generator_{guidance}"]
    sources = [row.source for row in weights.generator(design)]
    assert sorted([*sources, *weights.unused_by_generator(design)]) == sorted(manifest)
    template = files.template(design, folded=False)
    leaves = name_table.flatten({kind: template[kind][files.GENERATOR] for kind in template})
    assert sorted(row.path for row in weights.generator(design)) == sorted(leaves)
    shapes = {name: np.broadcast_to(np.float32(0), shape) for name, shape in manifest.items()}
    assert {row.path: row.layout(shapes[row.source]).shape for row in weights.generator(design)} == {
        name: leaf.shape for name, leaf in leaves.items()
    }
    assert checkpoints.design_of({files.GENERATOR: shapes}) == design
    # As many parameters as published, less a block of 1024 channels that is never called.
    published = {"geom_disp": 141_226_766, "neural_codes": 141_811_710, "both": 141_883_134}[guidance]
    parameters = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(template["params"][files.GENERATOR]))
    assert parameters == published - (1024 * 1024 * 9 + 1024 + 2 * 1024)


def test_table_of_the_discriminator_is_total():
    sources = [row.source for row in weights.discriminator()]
    manifest = released.manifests()["discriminator"]
    assert sorted([*sources, *weights.unused_by_discriminator()]) == sorted(manifest)


def test_weights_arrive_where_they_belong(folder, states):
    card, design, variables = files.read_gdpw(folder / "gdpw.safetensors")
    assert (card.system, card.name, card.notes["spectral norm"]) == ("gdpw", "GDPW both", "kept")
    assert not files.is_folded(card)
    assert design == dataclasses.replace(SMALL)
    state = states[files.GENERATOR]
    params, stats = variables["params"][files.GENERATOR], variables["stats"][files.GENERATOR]
    np.testing.assert_array_equal(params["codes"], state["embeds"])
    source = "up_layers.x4_spade.spade2.gamma_conv"
    ours = params["decoder"]["spade2"]["spade1"]["gamma_conv"]["kernel"]
    np.testing.assert_array_equal(ours, state[f"{source}.weight_orig"].transpose(2, 3, 1, 0))
    vectors = stats["decoder"]["spade2"]["spade1"]["gamma_conv"]
    np.testing.assert_array_equal(vectors["u"], state[f"{source}.weight_u"])
    norm = ours.reshape(-1, ours.shape[-1]).T @ vectors["v"] @ vectors["u"]
    official = state[f"{source}.weight_orig"].reshape(len(vectors["u"]), -1) @ state[f"{source}.weight_v"]
    np.testing.assert_allclose(norm, official @ vectors["u"], rtol=1e-5)
    np.testing.assert_array_equal(variables["mesh"]["faces"], state["mesh_renderer.tri"])
    critic = variables["params"][files.DISCRIMINATOR]["layer3"]["norm"]["scale"]
    np.testing.assert_array_equal(critic, states[files.DISCRIMINATOR]["discs.x1.layers.3.norm.weight"])


def test_folded_files_hold_the_same_generator_alone(folder):
    """Without vectors, for networks that do not divide."""
    _, design, whole = files.read_gdpw(folder / "gdpw.safetensors")
    card, same, folded = files.read_gdpw(folder / "folded.safetensors")
    assert (same, files.is_folded(card)) == (design, True)
    assert set(folded["params"]) == set(folded["stats"]) == {files.GENERATOR}
    assert not {name for name in name_table.flatten(folded["stats"]) if name.endswith(("/u", "/v"))}
    np.testing.assert_array_equal(folded["mesh"]["faces"], whole["mesh"]["faces"])
    seen = jax.numpy.asarray(np.random.default_rng(5).random((1, 32, 32, 8), np.float32))

    def bottom(variables, spectral):
        own = {kind: variables[kind][files.GENERATOR]["encoder"] for kind in ("params", "stats")}
        return jax.jit(lambda own: networks.Encoder(design, spectral).apply(own, seen, train=False).bottom)(own)

    np.testing.assert_allclose(bottom(folded, False), bottom(whole, True), rtol=1e-4, atol=1e-5)


def test_bare_state_dicts(states, tmp_path, capsys):
    """The generator may come alone, and the discriminator in a file of its own."""
    for group, state in states.items():
        torch_writer.write(tmp_path / f"{group}.pth", state)
    sources, target = [str(tmp_path / f"{group}.pth") for group in states], str(tmp_path / "x.safetensors")
    assert main.main(["convert", "gdpw", sources[0], "-o", target, "--name", "Face", "--licence", "CC0"]) == 0
    card, _, variables = files.read_gdpw(tmp_path / "x.safetensors")
    assert (card.name, card.licence, set(variables["params"])) == ("Face", "CC0", {files.GENERATOR})
    assert main.main(["convert", "gdpw", *reversed(sources), "-o", target]) == 0
    assert len(files.read_gdpw(tmp_path / "x.safetensors")[2]["params"]) == 2
    capsys.readouterr()
    assert main.main(["info", target]) == 0
    assert "generator" in capsys.readouterr().out


def changed(state, **tensors):
    return {**state, **{name.replace("__", "."): value for name, value in tensors.items()}}


def bad_files(states):
    generator, critic = states[files.GENERATOR], states[files.DISCRIMINATOR]
    guide = "up_layers.x2_spade.spade1.shared_conv.0.weight_orig"
    other = changed(generator, **{guide: np.zeros((4, 3, 3, 3), np.float32)})
    shorter = {name: array for name, array in generator.items() if name != "up_layers.x1_out.bias"}
    faces = changed(generator, mesh_renderer__tri=np.full((2, 3), 6, np.int32))
    return {
        "other": ({"conv.weight": np.zeros((2, 2), np.float32)}, "is none of GDPW's networks"),
        "list": ([1, 2], "expected a checkpoint of GDPW, found list"),
        "critic": ({"discriminator": critic}, "no generator, only ['discriminator']"),
        "guided": (other, "3 channels guide it, with codes of 5 numbers"),
        "shorter": ({"generator": shorter}, "missing in the file: up_layers.x1_out.bias"),
        "more": (changed(generator, up_layers__x1_out__scale=np.ones(1, np.float32)), "unknown in the file: up_layers"),
        "faces": (faces, "name vertices 6 to 6 of 6"),
        "optimizer": ({**states, "optimizer": {}}, "with more than is known: ['optimizer']"),
        "text": ({"generator": "abc"}, "its generator is a str"),
    }


@pytest.mark.parametrize("name", ["other", "list", "critic", "guided", "shorter", "more", "faces", "optimizer", "text"])
def test_other_files_are_refused_in_one_line(states, tmp_path, capsys, name):
    content, message = bad_files(states)[name]
    torch_writer.write(tmp_path / "x.pth", content)
    assert main.main(["convert", "gdpw", str(tmp_path / "x.pth"), "-o", str(tmp_path / "x.safetensors")]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert len(printed.splitlines()) == 1
    assert not (tmp_path / "x.safetensors").exists()


def test_truncated_and_doubled_files(folder, tmp_path, capsys):
    whole, target = folder / "PWM_both.pth", str(tmp_path / "x.safetensors")
    (tmp_path / "cut.pth").write_bytes(whole.read_bytes()[:-2000])
    assert main.main(["convert", "gdpw", str(tmp_path / "cut.pth"), "-o", target]) == 2
    assert "damaged or truncated" in capsys.readouterr().err
    assert main.main(["convert", "gdpw", str(whole), str(whole), "-o", target]) == 2
    assert "a second generator" in capsys.readouterr().err
    assert main.main(["convert", "atw", str(whole), "-o", target, "--folded"]) == 2
    assert "--folded is an option of gdpw" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ({}, "does not say the design"),
        ({"design": "{"}, "is damaged"),
        ({"design": json.dumps({"breadth": 64})}, "is damaged"),
        ({"design": json.dumps({**dataclasses.asdict(SMALL), "width": "4"})}, "is damaged"),
        ({"spectral norm": "maybe"}, "does not say whether spectral norms are folded"),
        ({"spectral norm": "folded into the kernels"}, "discriminator"),
        ({"design": json.dumps(dataclasses.asdict(dataclasses.replace(SMALL, width=8)))}, "float32"),
        ({"design": json.dumps(dataclasses.asdict(dataclasses.replace(SMALL, guidance="geom_disp")))}, "codes"),
    ],
)
def test_cards_that_do_not_fit(folder, tmp_path, notes, message):
    card, arrays = weights_file.read(folder / "gdpw.safetensors", system="gdpw")
    path = tmp_path / "x.safetensors"
    weights_file.write(path, Card("gdpw", "x", "CC0", "test", {**card.notes, **notes} if notes else {}), arrays)
    with pytest.raises(WeightsError, match=message):
        files.read_gdpw(path)


def test_files_of_parts_are_refused(folder, tmp_path):
    card, arrays = weights_file.read(folder / "gdpw.safetensors", system="gdpw")
    path = tmp_path / "x.safetensors"
    for broken, message in (
        ({"params": arrays["params"]}, "stats of nothing"),
        ({**arrays, "more": arrays["mesh"]}, "more"),
        ({**arrays, "mesh": {"faces": arrays["mesh"]["faces"] + 3}}, "name vertices 3 to 8 of 6"),
    ):
        weights_file.write(path, card, broken)
        with pytest.raises(WeightsError, match=message):
            files.read_gdpw(path)


def test_codes_of_the_mean_face_are_no_parameters(tmp_path):
    """Networks of one's own that are trained with the paper's ablation."""
    design = dataclasses.replace(SMALL, codes="nmfc", code_size=3)
    variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), files.template(design, folded=False))
    assert "codes" not in variables["params"][files.GENERATOR]
    files.write_gdpw(tmp_path / "x.safetensors", Card("gdpw", "x", "CC0", "test"), design, variables)
    _, read, back = files.read_gdpw(tmp_path / "x.safetensors")
    assert (read, back["stats"][files.GENERATOR]["codes"].shape) == (design, (6, 3))


def test_writing_checks_first(tmp_path):
    variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), files.template(SMALL, folded=False))
    with pytest.raises(ValueError, match="not the networks of Design"):
        files.write_gdpw(tmp_path / "x.safetensors", Card("gdpw", "x", "CC0", "test"), Design(), variables)
    assert list(tmp_path.iterdir()) == []


def test_finished_networks_are_folded_in_half_precision(folder, tmp_path):
    """They are read as float32 again, and rounded by no more than half precision does."""
    finished = tmp_path / "finished.safetensors"
    source = folder / "gdpw.safetensors"
    assert finish_heads.main(["--weights", str(source), "-o", str(finished), "--name", "mine"]) == 0
    card, design, variables = files.read_gdpw(finished)
    _, same, whole = files.read_gdpw(folder / "folded.safetensors")
    assert (card.name, files.is_folded(card), design) == ("mine", True, same)
    assert finished.stat().st_size < 0.6 * (folder / "folded.safetensors").stat().st_size
    for path, leaf in name_table.flatten(variables["params"]).items():
        np.testing.assert_allclose(leaf, name_table.flatten(whole["params"])[path], rtol=1e-3, atol=1e-6)
    with pytest.raises(SystemExit) as exit_of:
        finish_heads.main(["--weights", str(finished), "-o", str(tmp_path / "again.safetensors")])
    assert exit_of.value.code == 2
