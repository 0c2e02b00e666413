"""The name tables cover the released checkpoints exactly, and mistakes in a checkpoint are named."""

import jax
import numpy as np
import pytest

from jaxanim.core.errors import WeightsError
from jaxanim.systems.tha4 import FullSystem, Student, files
from jaxanim.weights import name_table
from tests.systems.tha4 import released

# Counted in the released files.
PARAMETERS = {
    "eyebrow_decomposer": (62, 31_479_434),
    "eyebrow_morphing_combiner": (61, 31_535_878),
    "face_morpher": (63, 31_605_002),
    "body_morpher": (398, 34_682_119),
    "upscaler": (466, 35_015_655),
    "student_face_morpher": (18, 121_476),
    "student_body_morpher": (20, 331_567),
}


@pytest.fixture(scope="module")
def templates():
    full = jax.eval_shape(FullSystem().init, jax.random.key(0))["params"]
    student = jax.eval_shape(Student().init, jax.random.key(0))["params"]
    return full | {f"student_{name}": params for name, params in student.items()}


def table_of(network):
    student = network.removeprefix("student_")
    return files.STUDENT_TABLES[student] if network != student else files.FULL_TABLES[network]


@pytest.mark.parametrize("network", PARAMETERS)
def test_tables_name_every_released_tensor_once(network):
    sources = [row.source for row in table_of(network)]
    assert len(sources) == len(set(sources)) == PARAMETERS[network][0]
    assert set(sources) == set(released.manifest(network))


@pytest.mark.parametrize("network", PARAMETERS)
def test_tables_fill_every_leaf_once(network, templates):
    paths = [row.path for row in table_of(network)]
    leaves = name_table.flatten(templates[network])
    assert len(paths) == len(set(paths))
    assert set(paths) == set(leaves)
    assert sum(int(np.prod(leaf.shape)) for leaf in leaves.values()) == PARAMETERS[network][1]


@pytest.mark.parametrize("network", PARAMETERS)
def test_layouts_turn_released_shapes_into_ours(network, templates):
    leaves = name_table.flatten(templates[network])
    for row in table_of(network):
        shape = released.manifest(network)[row.source]
        view = np.broadcast_to(np.float32(0), shape)  # no memory, only a shape
        assert row.layout(view).shape == leaves[row.path].shape, row.source


def test_a_checkpoint_of_another_network_is_refused(templates):
    body = released.state_dict("student_body_morpher")
    table = files.STUDENT_TABLES["face_morpher"]
    with pytest.raises(WeightsError, match=r"face: missing in the file: siren\.sine_layers\.0\.linear\.weight"):
        name_table.apply(table, body, templates["student_face_morpher"], what="face")


def test_a_wider_student_is_refused(templates):
    face = released.state_dict("student_face_morpher")
    face["siren.last_linear.weight"] = np.zeros((4, 256, 1, 1), np.float32)
    with pytest.raises(WeightsError, match=r"siren\.last_linear\.weight has shape \(4, 256, 1, 1\).*\(128, 4\)"):
        name_table.apply(files.STUDENT_TABLES["face_morpher"], face, templates["student_face_morpher"], what="face")


def test_convolution_kernels_are_transposed_not_reshaped():
    table = {row.path: row for row in files.FULL_TABLES["upscaler"]}
    weight = np.arange(2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3)
    kernel = table["coarse_conv/kernel"].layout(weight)
    assert kernel.shape == (3, 3, 3, 2)
    assert kernel[0, 2, 1, 1] == weight[1, 1, 0, 2]
