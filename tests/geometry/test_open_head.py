"""The open head: what its shapes do, its landmarks, its file."""

import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data_pipelines.open_head import model as open_head_maker
from jaxanim.core.errors import InputError
from jaxanim.geometry import morphable, open_head

JAW, LEFT_EYE, RIGHT_EYE = 2, 3, 4
HALF_PRECISION = 2.0**-10  # of the largest value of a basis, which is at most 1
MILLIMETRE = 1e-3

# Names of iBUG's 68 points by their place in the picture.
LEFT_TO_RIGHT = [
    range(0, 17),
    range(17, 27),
    range(31, 36),
    (36, 39, 42, 45),
    (48, 49, 50, 51, 52, 53, 54),
    (60, 62, 64),
]
TOP_TO_BOTTOM = [(27, 28, 29, 30, 33, 51, 62, 57, 8), (19, 37, 41), (24, 44, 46), (0, 4, 8), (16, 12, 8)]
LEFT_TO_RIGHT_98 = [range(0, 33), (33, 37, 42, 46), (60, 96, 64, 68, 97, 72), range(55, 60), (76, 88, 90, 92, 82)]
TOP_TO_BOTTOM_98 = [
    (51, 52, 53, 54, 57, 79, 90, 85, 16),
    (35, 40, 62, 96, 66),
    (44, 48, 70, 97, 74),
    (37, 38),
    (42, 50),
]


@pytest.fixture(scope="module")
def head():
    return open_head.load_open_head()


@pytest.fixture(scope="module")
def parts():
    return open_head.load_parts()


pose = jax.jit(morphable.pose)


def posed(head, identity=None, rotations=None, **expression):
    coefficients = np.zeros(len(head.expression_names), np.float32)
    for name, value in expression.items():
        coefficients[head.expression_names.index(name)] = value
    identity = jnp.zeros(len(head.identity_sigmas)) if identity is None else identity
    rotations = jnp.zeros((5, 3)) if rotations is None else rotations
    return np.asarray(pose(head, morphable.FaceParameters(identity, jnp.asarray(coefficients), rotations)).vertices)


def points(head, vertices, count=68):
    return np.asarray(morphable.embed(jnp.asarray(vertices), head.faces, head.landmarks[count]))


def turned(joint, rotation):
    return jnp.zeros((5, 3)).at[joint].set(jnp.asarray(rotation))


class TestArrays:
    def test_sizes_fit_together(self, head):
        v, f = len(head.template), len(head.faces)
        assert 3000 <= v <= 6500
        assert head.identity_basis.shape == (v, 3, len(head.identity_sigmas))
        assert head.expression_basis.shape == (v, 3, len(head.expression_names))
        assert len(head.identity_sigmas) >= 30
        assert len(set(head.expression_names)) == 52
        assert head.joint_names == ("root", "neck", "jaw", "left_eye", "right_eye")
        assert head.skinning_weights.shape == (v, 5)
        assert head.uv_faces.shape == (f, 3)
        assert int(head.faces.max()) == v - 1
        assert int(head.uv_faces.max()) == len(head.uv) - 1
        assert {count: len(at.face) for count, at in head.landmarks.items()} == {68: 68, 98: 98}

    def test_values_are_finite_float32(self, head):
        for leaf in jax.tree.leaves(head):
            assert leaf.dtype in (jnp.float32, jnp.int32)
            assert np.isfinite(np.asarray(leaf)).all()
        assert float(head.uv.min()) >= 0
        assert float(head.uv.max()) <= 1

    def test_weights_and_barycentric_coordinates_sum_to_one(self, head):
        assert float(head.skinning_weights.min()) >= 0
        np.testing.assert_allclose(head.skinning_weights.sum(axis=1), 1, atol=1e-6)
        for at in head.landmarks.values():
            np.testing.assert_allclose(at.barycentric.sum(axis=1), 1, atol=1e-6)

    @pytest.mark.parametrize("basis", ["identity_basis", "expression_basis"])
    def test_modes_are_independent(self, head, basis):
        modes = np.asarray(getattr(head, basis)).reshape(-1, getattr(head, basis).shape[-1])
        values = np.linalg.svd(modes / np.linalg.norm(modes, axis=0), compute_uv=False)
        assert values[-1] > 0.01 * values[0]

    def test_a_standard_deviation_moves_a_vertex_by_millimetres(self, head):
        largest = np.linalg.norm(np.asarray(head.identity_basis), axis=1).max(axis=0)
        np.testing.assert_allclose(largest, 1, atol=HALF_PRECISION)
        assert float(head.identity_sigmas.min()) > 0.3 * MILLIMETRE
        assert float(head.identity_sigmas.max()) < 8 * MILLIMETRE

    def test_measures_are_those_of_a_head(self, head):
        width, _, _ = np.ptp(np.asarray(head.template), axis=0)
        assert 0.13 < width < 0.18
        eyes = np.asarray(head.joint_regressor @ head.template)[[LEFT_EYE, RIGHT_EYE]]
        assert 0.055 < eyes[0, 0] - eyes[1, 0] < 0.068

    def test_joints_are_in_their_places(self, head, parts):
        joints = np.asarray(head.joint_regressor @ head.template)
        template = np.asarray(head.template)
        for joint, name in ((LEFT_EYE, "left_eyeball"), (RIGHT_EYE, "right_eyeball")):
            radius = np.linalg.norm(template[slice(*parts[name])] - joints[joint], axis=1)
            assert np.ptp(radius) < MILLIMETRE
        assert joints[0, 1] < joints[1, 1] < joints[JAW, 1] < joints[LEFT_EYE, 1]


class TestSymmetry:
    @pytest.fixture
    def mirror(self, head):
        """Each vertex's partner. Lips touch, so vertices are told apart by where the jaw takes them."""
        key = np.asarray(head.template) + 0
        key = np.concatenate(
            [key, np.asarray(head.expression_basis)[..., head.expression_names.index("jawOpen")]], axis=1
        )
        flipped = key * np.array([-1, 1, 1, -1, 1, 1])
        partner = np.array([np.argmin(((key - row) ** 2).sum(axis=1)) for row in flipped])
        np.testing.assert_allclose(key[partner], flipped, atol=1e-5)
        return partner

    def test_expressions_of_both_sides_mirror(self, head, mirror):
        names = head.expression_names
        basis = np.asarray(head.expression_basis)
        for name in names:
            other = name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
            expected = basis[mirror][..., names.index(other)] * np.array([-1, 1, 1])
            np.testing.assert_allclose(basis[..., names.index(name)], expected, atol=3e-5, err_msg=name)

    def test_left_is_the_persons_own(self, head):
        template, names = np.asarray(head.template), head.expression_names
        for name in ("eyeBlinkLeft", "mouthSmileLeft", "browDownLeft", "eyeLookUpLeft"):
            moved = np.linalg.norm(np.asarray(head.expression_basis)[..., names.index(name)], axis=1)
            assert (moved * template[:, 0]).sum() / moved.sum() > 0.01, name
        chin = points(head, posed(head, jawLeft=1.0))[8] - points(head, posed(head))[8]
        assert chin[0] > 3 * MILLIMETRE


class TestSurface:
    def test_triangles_face_outwards(self, head, parts):
        template, faces = np.asarray(head.template), np.asarray(head.faces)
        corners = template[faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        centres = corners.mean(axis=1)
        for name, share in (("left_eyeball", 1.0), ("right_eyeball", 1.0), ("tongue", 0.9)):  # the tongue has a groove
            inside = (faces >= parts[name][0]).all(axis=1) & (faces < parts[name][1]).all(axis=1)
            middle = template[slice(*parts[name])].mean(axis=0)
            assert ((normals * (centres - middle)).sum(axis=1)[inside] > 0).mean() >= share, name
        skin = (faces < parts["skin"][1]).all(axis=1)
        axis = centres * np.array([1, 0, 1]) + np.array([0, 0, 0.015])
        outwards = (normals * axis).sum(axis=1)
        area = np.linalg.norm(normals, axis=1)
        assert area[skin & (outwards < 0)].sum() < 0.02 * area[skin].sum()  # below the chin
        face = skin & (centres[:, 2] > 0.06)
        assert area[face & (normals[:, 2] < 0)].sum() < 0.01 * area[face].sum()

    def test_no_triangle_is_used_twice_and_edges_agree(self, head):
        faces = np.asarray(head.faces)
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        assert len(np.unique(edges, axis=0)) == len(edges)  # twice in one direction: neighbours that disagree

    @pytest.mark.parametrize("seed", [None, 0, 1])
    def test_closed_lids_cover_the_eyeballs(self, head, parts, seed):
        identity = None if seed is None else jax.random.normal(jax.random.key(seed), head.identity_sigmas.shape)
        closed = posed(head, identity, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
        for name in ("left_eyeball", "right_eyeball"):
            assert seen_from_the_front(head, parts, posed(head, identity), name) > 20
            assert seen_from_the_front(head, parts, closed, name) == 0

    def test_one_eye_can_close_alone(self, head, parts):
        wink = posed(head, eyeBlinkLeft=1.0)
        assert seen_from_the_front(head, parts, wink, "left_eyeball") == 0
        assert seen_from_the_front(head, parts, wink, "right_eyeball") > 20


def seen_from_the_front(head, parts, vertices, name):
    """How many of an eyeball's front-facing vertices and midpoints of triangles no skin hides."""
    faces = np.asarray(head.faces)
    ball = faces[(faces >= parts[name][0]).all(axis=1) & (faces < parts[name][1]).all(axis=1)]
    corners = vertices[ball]
    front = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0
    samples = np.concatenate([corners[front].mean(axis=1), vertices[np.unique(ball[front])]])
    a, b, c = np.moveaxis(vertices[faces[(faces < parts["lining"][1]).all(axis=1)]], 1, 0)[..., None, :]

    def area(p, q, r):
        return (q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]

    near = np.abs(a[:, 0] - samples.mean(axis=0)).max(axis=1) < 0.04
    a, b, c = a[near], b[near], c[near]
    weights = np.stack([area(b, c, samples), area(c, a, samples), area(a, b, samples)]) / area(a, b, c)
    depth = weights[0] * a[..., 2] + weights[1] * b[..., 2] + weights[2] * c[..., 2]
    # Slightly beyond their edges, so that a sample on an edge is in one of its triangles.
    hidden = (weights.min(axis=0) > -1e-4) & (depth > samples[:, 2])
    return int((~hidden.any(axis=0)).sum())


class TestMouthAndEyes:
    @pytest.mark.parametrize("how", ["blendshape", "joint"])
    def test_jaw_opens_the_mouth(self, head, how):
        opened = posed(head, jawOpen=1.0) if how == "blendshape" else posed(head, rotations=turned(JAW, [0.35, 0, 0]))
        before, after = points(head, posed(head)), points(head, opened)
        assert before[62, 1] - before[66, 1] < 0.5 * MILLIMETRE
        assert after[62, 1] - after[66, 1] > 20 * MILLIMETRE
        assert after[8, 1] < before[8, 1] - 12 * MILLIMETRE
        np.testing.assert_allclose(after[:48][17:], before[:48][17:], atol=1e-5)  # brows, nose, eyes

    def test_teeth_follow_their_jaw(self, head, parts):
        moved = posed(head, rotations=turned(JAW, [0.35, 0, 0])) - posed(head)
        assert np.abs(moved[slice(*parts["upper_teeth"])]).max() < 1e-6
        assert moved[slice(*parts["lower_teeth"])][:, 1].max() < -10 * MILLIMETRE

    def test_mouth_close_brings_lips_together_over_an_open_jaw(self, head):
        lips = points(head, posed(head, jawOpen=1.0, mouthClose=1.0))
        assert abs(lips[62, 1] - lips[66, 1]) < 2 * MILLIMETRE

    def test_smile_lifts_and_widens(self, head):
        before, after = points(head, posed(head)), points(head, posed(head, mouthSmileLeft=1.0, mouthSmileRight=1.0))
        assert (after[[48, 54], 1] > before[[48, 54], 1] + 3 * MILLIMETRE).all()
        assert after[54, 0] - after[48, 0] > before[54, 0] - before[48, 0] + 5 * MILLIMETRE

    def test_gaze_as_blendshape_is_gaze_as_joint(self, head, parts):
        ball = slice(*parts["left_eyeball"])
        shape = posed(head, eyeLookOutLeft=1.0)[ball]
        joint = posed(head, rotations=turned(LEFT_EYE, [0, np.radians(30), 0]))[ball]
        np.testing.assert_allclose(shape, joint, atol=2e-5)
        assert shape[0, 0] > np.asarray(head.template)[ball][0, 0] + 4 * MILLIMETRE  # the pupil, to the person's left


class TestLandmarks:
    @pytest.mark.parametrize("yaw", [0.0, 0.3, -0.3])
    @pytest.mark.parametrize(
        ("count", "across", "down"), [(68, LEFT_TO_RIGHT, TOP_TO_BOTTOM), (98, LEFT_TO_RIGHT_98, TOP_TO_BOTTOM_98)]
    )
    def test_order(self, head, count, across, down, yaw):
        found = points(head, posed(head, rotations=turned(0, [0, yaw, 0])), count)
        for row in across:
            # An ear-to-ear line folds over at its ends when the head turns.
            inner = row[5:-5] if yaw and len(row) > 12 else row
            assert (np.diff(found[list(inner), 0]) > 0).all(), row
        for column in down:
            assert (np.diff(found[list(column), 1]) < 0).all(), column

    @pytest.mark.parametrize("count", [68, 98])
    def test_points_are_on_the_front_and_symmetric(self, head, count):
        found = points(head, posed(head), count)
        assert found[17 if count == 68 else 33 :, 2].min() > 0.04
        flipped = found * np.array([-1, 1, 1])
        nearest = np.sqrt(((flipped[:, None] - found) ** 2).sum(-1)).min(axis=1)
        assert nearest.max() < 1.0 * MILLIMETRE


class TestPosing:
    def test_under_jit_and_vmap(self, head, key):
        parameters = morphable.FaceParameters(
            identity=jax.random.normal(key, (2, 5)),
            expression=jax.random.uniform(key, (2, 52)),
            rotations=0.1 * jax.random.normal(key, (2, 5, 3)),
        )
        batched = pose(head, parameters).vertices
        assert batched.shape == (2, *head.template.shape)
        mapped = jax.jit(jax.vmap(morphable.pose, in_axes=(None, 0)))(head, parameters).vertices
        np.testing.assert_allclose(mapped, batched, atol=1e-5)
        first = morphable.pose(head, jax.tree.map(lambda leaf: leaf[0], parameters)).vertices
        np.testing.assert_allclose(first, batched[0], atol=1e-5)

    def test_nothing_given_is_the_template(self, head):
        np.testing.assert_allclose(posed(head), head.template, atol=1e-6)


class TestFile:
    def test_what_ships_is_what_the_program_makes(self, head, parts):
        made, ranges = open_head_maker.build()
        assert dict(parts) == dict(ranges)
        for field in ("parents", "joint_names", "expression_names"):
            assert getattr(head, field) == getattr(made, field)
        for field in ("identity_basis", "expression_basis"):
            scale = np.abs(np.asarray(getattr(made, field))).max()
            tolerance = scale * HALF_PRECISION
            np.testing.assert_allclose(getattr(head, field), getattr(made, field), atol=tolerance, err_msg=field)
        for field in ("template", "identity_sigmas", "joint_regressor", "skinning_weights", "uv", "faces", "uv_faces"):
            np.testing.assert_allclose(getattr(head, field), getattr(made, field), atol=1e-6, err_msg=field)
        for count, at in made.landmarks.items():
            np.testing.assert_array_equal(head.landmarks[count].face, at.face)

    def test_is_small(self):
        assert open_head.bundled_open_head().stat().st_size < 2_500_000

    def test_written_and_read_again(self, head, parts, tmp_path):
        first, second = tmp_path / "first.npz", tmp_path / "second.npz"
        open_head.save_open_head(first, head, parts)
        again = open_head.load_open_head(first)
        open_head.save_open_head(second, again, open_head.load_parts(first))
        jax.tree.map(np.testing.assert_array_equal, head, again)
        assert first.read_bytes() == second.read_bytes()

    def test_missing_file(self, tmp_path):
        with pytest.raises(InputError, match=r"absent\.npz: there is no such file"):
            open_head.load_open_head(tmp_path / "absent.npz")

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
    def test_truncated(self, tmp_path, share):
        data = open_head.bundled_open_head().read_bytes()
        short = tmp_path / "short.npz"
        short.write_bytes(data[: int(len(data) * share)])
        self._fails_in_one_line(short, "damaged")

    def test_damaged_inside(self, tmp_path):
        data = bytearray(open_head.bundled_open_head().read_bytes())
        data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
        damaged = tmp_path / "damaged.npz"
        damaged.write_bytes(data)
        self._fails_in_one_line(damaged, "damaged")

    def test_not_an_archive(self, tmp_path):
        text = tmp_path / "text.npz"
        text.write_text("hello")
        self._fails_in_one_line(text, "damaged")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"template": np.zeros((5, 3), np.float32)}, "identity_basis is .* which does not fit the others"),
            ({"parents": np.zeros(3, np.int32)}, "does not fit the others"),
            ({"faces": np.full((11888, 3), 9999, np.int32)}, "faces name vertices that are not there"),
            ({"joint_names": np.zeros(5, np.int32)}, "joint_names is int32"),
            ({"identity_sigmas": np.full(60, np.nan)}, "identity_sigmas holds numbers that are not finite"),
            (
                {"expression_sigmas": np.full(52, 1e300)},
                "expression_sigmas holds numbers that are not finite in float32",
            ),
            ({"faces": np.zeros((11888, 3), np.float32)}, "faces is float32 of shape"),
            ({"faces": np.zeros((0, 3), np.int32), "uv_faces": np.zeros((0, 3), np.int32)}, "faces is empty"),
            ({"landmarks_68_face": np.zeros(67, np.int32)}, r"landmarks_68_face is int32 of shape \(67,\)"),
            ({"landmarks_98_face": np.full(98, 11888)}, "landmarks_98_face names triangles that are not there"),
            ({"landmarks_98_barycentric": np.full((98, 3), np.inf)}, "landmarks_98_barycentric holds numbers that are"),
            ({"parents": np.array([-1, 2, 1, 1, 1])}, r"parents are \[-1, 2, 1, 1, 1\]; the first is -1"),
        ],
    )
    def test_arrays_that_do_not_fit(self, tmp_path, change, message):
        path = tmp_path / "odd.npz"
        with np.load(open_head.bundled_open_head()) as stored:
            np.savez(path, **{**stored, **change})
        with pytest.raises(InputError, match=message):
            open_head.load_open_head(path)

    @pytest.mark.parametrize("ranges", [np.zeros((8, 2), int), np.zeros(9, int), np.zeros((9, 2))])
    def test_parts_that_do_not_fit(self, tmp_path, ranges):
        path = tmp_path / "odd.npz"
        with np.load(open_head.bundled_open_head()) as stored:
            np.savez(path, **{**stored, "part_ranges": ranges})
        with pytest.raises(InputError, match=r"part_ranges is .*, names have \(9,\)"):
            open_head.load_parts(path)

    @pytest.mark.parametrize("key", ["template", "faces", "landmarks_98_face", "part_ranges"])
    def test_missing_key(self, tmp_path, key):
        partial = tmp_path / "partial.npz"
        with zipfile.ZipFile(open_head.bundled_open_head()) as source, zipfile.ZipFile(partial, "w") as target:
            for name in source.namelist():
                if name != f"{key}.npy":
                    target.writestr(name, source.read(name))
        self._fails_in_one_line(partial, key)

    def _fails_in_one_line(self, path: Path, about: str):
        with pytest.raises(InputError, match=about) as raised:
            (open_head.load_parts if about == "part_ranges" else open_head.load_open_head)(path)
        assert "\n" not in str(raised.value)
        assert str(path) in str(raised.value)
