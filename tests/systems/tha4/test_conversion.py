"""Released folders become one file each, with their licence; everything else is refused in one line."""

import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxanim.core.errors import OutputError, WeightsError
from jaxanim.systems.tha4 import FullSystem, conversion, files
from jaxanim.weights import name_table, weights_file
from tests.systems.tha4 import folders, released
from tests.weights import torch_writer


@pytest.fixture
def character(tmp_path):
    return folders.make_character(tmp_path / "mika", licence="\n  Creative Commons BY 4.0\nmore text\n")


def convert(folder, target, **options):
    return conversion.convert_student_folder(folder, target, **{"name": None, "licence": None, **options})


def test_character_becomes_one_file(character, tmp_path):
    target = tmp_path / "mika.safetensors"
    card = convert(character, target)
    read = files.read_character(target)
    assert read.card == card
    assert (card.system, card.name, card.licence) == ("tha4-student", "mika", "LICENSE: Creative Commons BY 4.0")
    assert "talking-head-anime-4-demo" in card.source
    np.testing.assert_array_equal(read.picture, folders.draw_picture())


def test_weights_arrive_where_they_belong(character, tmp_path):
    target = tmp_path / "c.safetensors"
    convert(character, target)
    params = files.read_character(target).variables["params"]
    source = released.state_dict("student_body_morpher")
    kernel = params["body_morpher"]["siren"]["level1_sine0"]["dense"]["kernel"]
    np.testing.assert_array_equal(kernel, source["siren_layers.1.0.linear.weight"][:, :, 0, 0].T)
    np.testing.assert_array_equal(params["body_morpher"]["siren"]["last"]["bias"], source["last_linear.bias"])


def test_name_and_licence_can_be_given(character, tmp_path):
    card = convert(character, tmp_path / "c.safetensors", name="other", licence="mine")
    assert (card.name, card.licence) == ("other", "mine")


def test_without_a_licence_file_the_card_says_so(tmp_path):
    card = convert(folders.make_character(tmp_path / "c"), tmp_path / "c.safetensors")
    assert card.licence.startswith("not stated by the source")
    assert "CC BY-NC 4.0" in card.licence


def test_paths_in_the_model_file_are_relative_to_it(character, tmp_path):
    (character / "sub").mkdir()
    (character / "face_morpher.pt").rename(character / "sub" / "face.pt")
    text = (character / "character_model.yaml").read_text().replace("face_morpher.pt", "sub/face.pt")
    (character / "character_model.yaml").write_text(text)
    convert(character, tmp_path / "c.safetensors")


def spoil_yaml(folder):
    (folder / "character_model.yaml").write_text("character_image_file_name: [")


def spoil_keys(folder):
    (folder / "character_model.yaml").write_text("character_image_file_name: character.png\n")


def spoil_reference(folder):
    (folder / "body_morpher.pt").unlink()


def spoil_binary_yaml(folder):
    (folder / "character_model.yaml").write_bytes(b"\xff\xfe\x00\x01")


def spoil_huge_yaml(folder):
    (folder / "character_model.yaml").write_text("a: b\n" * 20_000)


def spoil_picture_mode(folder):
    Image.new("RGB", (512, 512)).save(folder / "character.png")


def spoil_picture_size(folder):
    Image.new("RGBA", (256, 512)).save(folder / "character.png")


def spoil_picture(folder):
    (folder / "character.png").write_bytes(b"not a picture")


def spoil_network(folder):
    torch_writer.write(folder / "face_morpher.pt", released.state_dict("student_body_morpher"))


def spoil_shape(folder):
    weights = released.state_dict("student_face_morpher")
    weights["siren.last_linear.bias"] = np.zeros(3, np.float32)
    torch_writer.write(folder / "face_morpher.pt", weights)


def spoil_truncated(folder):
    data = (folder / "face_morpher.pt").read_bytes()
    (folder / "face_morpher.pt").write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_yaml, "not a readable YAML file"),
        (spoil_binary_yaml, "not a readable YAML file"),
        (spoil_huge_yaml, "too large"),
        (spoil_keys, "must name character_image_file_name, face_morpher_file_name, body_morpher_file_name"),
        (spoil_reference, "names body_morpher.pt, which is not there"),
        (spoil_picture_mode, "is RGB 512x512, RGBA 512x512 is needed"),
        (spoil_picture_size, "is RGBA 256x512, RGBA 512x512 is needed"),
        (spoil_picture, "not a readable picture"),
        (spoil_network, "missing in the file: siren.sine_layers.0.linear.weight"),
        (spoil_shape, r"has shape \(3,\), which cannot fill siren/last/bias \(4,\)"),
        (spoil_truncated, "a damaged or truncated archive"),
    ],
)
def test_a_wrong_folder_is_refused_and_nothing_written(character, tmp_path, spoil, message):
    spoil(character)
    target = tmp_path / "c.safetensors"
    with pytest.raises(WeightsError, match=message):
        convert(character, target)
    assert not target.exists()
    assert not list(tmp_path.glob(".*partial*"))


def test_not_a_character_folder(tmp_path):
    with pytest.raises(WeightsError, match=r"holds no character_model\.yaml"):
        convert(tmp_path, tmp_path / "c.safetensors")


def test_unwritable_target_is_found_before_reading(tmp_path):
    with pytest.raises(OutputError, match=r"its folder .*nowhere does not exist"):
        convert(tmp_path / "not even there", tmp_path / "nowhere" / "c.safetensors")


def test_yaml_cannot_run_code(character, tmp_path):
    sentinel = tmp_path / "ran"
    (character / "character_model.yaml").write_text(f"!!python/object/apply:os.system ['touch {sentinel}']")
    with pytest.raises(WeightsError, match="not a readable YAML file"):
        convert(character, tmp_path / "c.safetensors")
    assert not sentinel.exists()


@pytest.fixture(scope="module")
def full_folder(tmp_path_factory):
    folder = folders.make_full_system(tmp_path_factory.mktemp("tha4"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
def test_full_system_becomes_one_file(full_folder, tmp_path):
    target = tmp_path / "tha4.safetensors"
    card = conversion.convert_full_folder(full_folder, target, name=None, licence=None)
    assert card.system == "tha4"
    assert card.licence.startswith("CC BY-NC 4.0")
    read, variables = files.read_full(target)
    assert read == card
    have = name_table.flatten(variables["params"])
    want = name_table.flatten(jax.eval_shape(FullSystem().init, jax.random.key(0))["params"])
    assert {name: leaf.shape for name, leaf in have.items()} == {name: leaf.shape for name, leaf in want.items()}
    source = released.state_dict("upscaler")["coarse_image_conv.weight"]
    np.testing.assert_array_equal(
        variables["params"]["upscaler"]["coarse_conv"]["kernel"], source.transpose(2, 3, 1, 0)
    )
    with pytest.raises(WeightsError, match="holds tha4 weights, tha4-student weights are needed here"):
        files.read_character(target)


def test_full_system_names_what_is_missing(tmp_path):
    (tmp_path / "upscaler.pt").touch()
    with pytest.raises(WeightsError, match=r"lacks eyebrow_decomposer\.pt, .* body_morpher\.pt of the five"):
        conversion.convert_full_folder(tmp_path, tmp_path / "t.safetensors", name=None, licence=None)
    with pytest.raises(WeightsError, match="no such folder"):
        conversion.convert_full_folder(tmp_path / "no", tmp_path / "t.safetensors", name=None, licence=None)


def test_a_file_with_other_parameters_is_refused(character, tmp_path):
    target = tmp_path / "c.safetensors"
    convert(character, target)
    read = files.read_character(target)
    face = read.variables["params"]["face_morpher"]
    cases = {
        "are not those of the network": {"face_morpher": face},
        r"siren/last/bias is float32 \(2,\), float32 \(4,\) was expected": _with_bias(read, np.zeros(2, np.float32)),
        r"siren/last/bias is float16 \(4,\), float32 \(4,\) was expected": _with_bias(read, np.zeros(4, np.float16)),
    }
    for message, params in cases.items():
        weights_file.write(target, read.card, {"params": params, "picture": read.picture})
        with pytest.raises(WeightsError, match=message):
            files.read_character(target)
    weights_file.write(target, read.card, {"params": read.variables["params"]})
    with pytest.raises(WeightsError, match="holds no picture of the character"):
        files.read_character(target)


def _with_bias(character, bias):
    params = character.variables["params"]
    siren = params["face_morpher"]["siren"]
    last = {**siren["last"], "bias": bias}
    return {**params, "face_morpher": {"siren": {**siren, "last": last}}}


def test_a_folder_of_licences_is_passed_over(tmp_path):
    folder = folders.make_character(tmp_path / "mika", licence="Some Licence 1.0")
    (folder / "LICENSES").mkdir()
    assert conversion._licence_of(folder) == "LICENSE: Some Licence 1.0"
    (folder / "LICENSE.txt").unlink()
    assert conversion._licence_of(folder) is None


@pytest.mark.parametrize("text", ["date: 2024-13-45", "[" * 5000, "a: [", "\xff"])
def test_descriptions_that_cannot_be_read(tmp_path, text):
    folder = folders.make_character(tmp_path / "mika")
    (folder / conversion.MODEL_FILE).write_text(text, encoding="latin1")
    with pytest.raises(WeightsError, match="not a readable YAML file"):
        convert(folder, tmp_path / "x.safetensors")
