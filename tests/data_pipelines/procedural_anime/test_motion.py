"""The motion of the drawings: signs and sizes, what stays where it is, and the way back."""

import numpy as np
import pytest

from data_pipelines.procedural_anime import HOUSE_CHARACTER, character, draw, motion
from data_pipelines.procedural_anime.motion import BODY, HEAD_CENTER, NECK, WAIST, Layer, move, unmove
from jaxanim.signals import pose_vector

EYE = Layer("head", 1.5)
# Centres of the house character's eyes at rest: the viewer's left one, then the right one.
EYES = np.array([[229.0, 147.5], [283.0, 147.5]])
LAYERS = [
    Layer("head", 14.0),
    Layer("head", 0.0),
    EYE,
    Layer("head", -14.0),
    Layer("back_hair", -26.0),
    Layer("back_hair", -14.0),
    BODY,
]
# One pixel: the drawing is fitted to numbers measured on the released character, not computed from them.
MEASURED = 1.0
# Turning folds the rounded head at its rim, where the way back converges slowly or does not exist.
INSIDE, AT_THE_RIM = 0.01, 0.25  # pixels


def pose(**values):
    return pose_vector.make_pose({name: float(value) for name, value in values.items()})


def random_poses(count):
    rng = np.random.default_rng(0)
    poses = np.zeros((count, 45), np.float32)
    poses[:, pose_vector.BODY] = rng.uniform(pose_vector.POSE_LOW[39:], pose_vector.POSE_HIGH[39:], (count, 6))
    return poses


def shift(points, layer, **values):
    return move(points, layer, pose(**values)) - points


def turned_by(points, center, moved):
    """Returns the angle in degrees by which points turned about a centre, counterclockwise for the viewer."""
    before, after = points - center, moved - center
    angle = np.arctan2(before[:, 1], before[:, 0]) - np.arctan2(after[:, 1], after[:, 0])
    return np.rad2deg((angle + np.pi) % (2 * np.pi) - np.pi)


def test_eyes_are_where_the_tests_say():
    spacing, drop = HOUSE_CHARACTER.eye_spacing, HOUSE_CHARACTER.eye_drop
    np.testing.assert_array_equal(EYES, [HEAD_CENTER + [-spacing, drop], HEAD_CENTER + [spacing, drop]])


@pytest.mark.parametrize("layer", LAYERS)
def test_zero_pose_changes_nothing(layer):
    points = np.random.default_rng(0).uniform(0, 512, (200, 2))
    np.testing.assert_allclose(move(points, layer, np.zeros(45, np.float32)), points, atol=1e-9)
    np.testing.assert_allclose(unmove(points, layer, np.zeros(45, np.float32)), points, atol=1e-9)


def test_face_numbers_move_nothing():
    points = np.random.default_rng(0).uniform(0, 512, (200, 2))
    face = pose(eye_wink=1, mouth_aaa=1, iris_rotation_x=1, eyebrow_angry=1)
    for layer in LAYERS:
        np.testing.assert_allclose(move(points, layer, face), points, atol=1e-9)


def test_nodding():
    """head_x +1 raises the eyes 8.5 px."""
    up, down = shift(EYES, EYE, head_x=1), shift(EYES, EYE, head_x=-1)
    np.testing.assert_allclose(up, [[0, -8.5]] * 2, atol=MEASURED)
    np.testing.assert_allclose(down, [[0, 8.5]] * 2, atol=MEASURED)


def test_turning():
    """head_y +1 moves the eyes 6-7 px to the viewer's left; the nearer eye moves further, the ears the other way."""
    left = shift(EYES, EYE, head_y=1)
    assert (left[:, 0] < 0).all()
    assert left[0, 0] > left[1, 0]
    np.testing.assert_allclose(-left[:, 0], [6.5, 6.5], atol=MEASURED)
    np.testing.assert_allclose(left[:, 1], 0, atol=1e-9)
    np.testing.assert_allclose(shift(EYES, EYE, head_y=-1)[::-1, 0], -left[:, 0], atol=1e-9)
    back = shift(HEAD_CENTER[None] + [0.0, 40.0], Layer("back_hair", -12.0), head_y=1)
    assert back[0, 0] > 0


def test_what_is_nearer_to_the_viewer_moves_further():
    shifts = [shift(EYES[:1], Layer("head", depth), head_y=1)[0, 0] for depth in (-14.0, 0.0, 14.0)]
    assert shifts[0] > shifts[1] > shifts[2]


def test_tilting():
    """neck_z +1 turns the head 9.4 degrees about the neck, to the viewer's left."""
    moved = move(EYES, EYE, pose(neck_z=1))
    np.testing.assert_allclose(turned_by(EYES, NECK, moved), 9.4, atol=1e-4)
    assert (moved[:, 0] < EYES[:, 0]).all()
    np.testing.assert_allclose(turned_by(EYES, NECK, move(EYES, EYE, pose(neck_z=-1))), -9.4, atol=1e-4)
    assert not shift(np.array([[256.0, 300.0]]), BODY, neck_z=1).any()


def test_long_hair_stays_on_the_shoulders_when_the_head_tilts():
    hair, points = Layer("back_hair", -12.0), np.array([[256.0, 170.0], [256.0, 255.0], [256.0, 340.0]])
    moved = move(points, hair, pose(neck_z=1))
    np.testing.assert_allclose(turned_by(points, NECK, moved), [9.4, 4.7, 0], atol=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_leaning(layer):
    """body_z +1 turns everything 4.6 degrees about the waist, to the viewer's left above it."""
    points = np.array([[229.0, 147.5], [200.0, 250.0], [300.0, 420.0]])
    moved = move(points, layer, pose(body_z=1))
    np.testing.assert_allclose(turned_by(points, WAIST, moved), 4.6, atol=1e-4)
    assert moved[0, 0] < points[0, 0]


def test_turning_the_body():
    """body_y +1 moves the chest 5 px and the hips 5 px to the viewer's left; collar, hands and feet hardly."""
    points = np.array([[256.0, 265.0], [256.0, 395.0], [256.0, 225.0], [256.0, 490.0], [158.0, 438.0], [343.0, 441.0]])
    shifts = shift(points, BODY, body_y=1)
    np.testing.assert_allclose(shifts[:2, 0], [-5.0, -5.0], atol=MEASURED)
    np.testing.assert_allclose(shifts[2:, 0], [-1.0, 1.0, -1.0, 0.0], atol=2.0)
    np.testing.assert_allclose(shifts[:, 1], 0, atol=1e-9)
    np.testing.assert_allclose(shift(points[:3], BODY, body_y=-1)[:, 0], -shifts[:3, 0], atol=1e-9)


def test_turning_the_body_turns_the_head_with_it():
    """body_y +1 moves the eyes 1 px and the fringe 2 px to the viewer's left, the tips of the hair behind 3 to 6 px
    to the right."""
    np.testing.assert_allclose(shift(EYES, EYE, body_y=1)[:, 0], -1.0, atol=MEASURED)
    fringe = shift(np.array([[256.0, 100.0]]), Layer("head", 12.0), body_y=1)
    np.testing.assert_allclose(fringe, [[-2.0, 0.0]], atol=MEASURED)
    tips = shift(np.array([[208.0, 185.0], [309.0, 185.0]]), Layer("back_hair", -26.0), body_y=1)
    np.testing.assert_allclose(tips[:, 0], [6.0, 3.0], atol=2.0)


def test_the_hair_behind_goes_against_the_face():
    """head_x +1 lowers the tips of the hair behind by 6 to 9 px while the face rises; head_y +1 moves them 3 to 7 px
    to the viewer's right."""
    tips = np.array([[208.0, 185.0], [309.0, 185.0]])
    np.testing.assert_allclose(shift(tips, Layer("back_hair", -26.0), head_x=1)[:, 1], 7.5, atol=2.0)
    np.testing.assert_allclose(shift(tips, Layer("back_hair", -26.0), head_y=1)[:, 0], 5.0, atol=2.0)


def test_breathing():
    """Breathing +1 lifts the chest 1.9 px, the head with it, and not the feet."""
    np.testing.assert_allclose(shift(np.array([[256.0, 235.0]]), BODY, breathing=1), [[0, -1.9]], atol=0.01)
    assert (shift(EYES, EYE, breathing=1)[:, 1] < -0.5).all()
    assert abs(shift(np.array([[256.0, 512.0]]), BODY, breathing=1)[0, 1]) < 0.01


def test_neck_and_head_do_not_come_apart():
    """Where the head's lowest point meets the neck, both follow the body within half a pixel."""
    chin, values = np.array([[256.0, 190.0]]), {"body_y": 1, "body_z": 1, "breathing": 1}
    apart = shift(chin, Layer("head"), **values) - shift(chin, BODY, **values)
    assert np.abs(apart).max() < 0.5


@pytest.mark.parametrize("layer", LAYERS)
def test_the_way_back_on_a_grid(layer):
    """Points of the inner head, and of anything that does not bulge, come back to where they were."""
    if layer.part == "head":
        x, y = np.meshgrid(np.linspace(-40, 40, 9), np.linspace(-40, 45, 9))
    else:
        x, y = np.meshgrid(np.linspace(-70, 70, 9), np.linspace(-60, 240, 9))
    points = np.stack([x.ravel(), y.ravel()], axis=1) + HEAD_CENTER
    for one in random_poses(20):
        back = unmove(move(points, layer, one), layer, one)
        np.testing.assert_allclose(back, points, atol=INSIDE)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_way_back_over_the_visible_area(number):
    """The flow leads to rest points that `move` brings to the visible pixels; where a surface folds it is not known."""
    one = np.ones(45, np.float32) if number == 0 else random_poses(3)[number]
    packed = draw.pack(character.drawing(HOUSE_CHARACTER, one))
    _, seen = draw.paint(packed, one)
    sample = character.render_pair(HOUSE_CHARACTER, one)
    for value, layer in enumerate(packed.layers):
        y, x = np.nonzero(seen == value)
        if not len(x):
            continue
        pixels = np.stack([x, y], axis=1) + 0.5
        off = np.abs(move(pixels + sample.flow_px[y, x], layer, one) - pixels).max(axis=1)
        assert np.mean(off > INSIDE) <= 0.05, layer
        assert np.mean(off > AT_THE_RIM) <= 0.02, layer
        assert not sample.known[y, x][off > AT_THE_RIM].any()


def test_unmove_does_not_change_its_argument():
    points = EYES.copy()
    motion.unmove(points, EYE, pose(head_y=1, neck_z=1))
    np.testing.assert_array_equal(points, EYES)
