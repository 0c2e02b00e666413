"""What is said of a picture is true of it: by the JAX head, by warping, and by looking at single pixels."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from data_pipelines.procedural_faces import clip, ground_truth, records
from data_pipelines.procedural_faces.expressions import coefficients
from data_pipelines.procedural_faces.motion import axis_angle
from data_pipelines.procedural_faces.pieces import NECK
from jaxanim.geometry import cameras, morphable, open_head
from jaxanim.ops.grid_sample import grid_sample


def as_the_model_sees(parameters):
    """Projects the open head by a record's parameters, in JAX."""
    focal, *center, distance = parameters["camera"]
    names = ("identity", "expression", "rotations")
    face = morphable.FaceParameters(*(jnp.asarray(parameters[name]) for name in names))
    camera = cameras.PerspectiveCamera(
        jnp.eye(3), jnp.array([0.0, 0.0, -distance]), jnp.asarray(focal), jnp.asarray(center)
    )
    head = open_head.load_open_head()
    posed = morphable.pose(head, face).vertices
    points = {count: morphable.embed(posed, head.faces, at) for count, at in head.landmarks.items()}
    return {count: cameras.project_perspective(camera, at).pixels for count, at in points.items()}


def test_landmarks_are_those_of_the_parameters(drawn, built):
    for number in (0, 6):
        frame = clip.draw(drawn, built, number, 128)
        points = as_the_model_sees(clip.parameters(drawn, number, 128))
        np.testing.assert_allclose(frame.landmarks_68, points[68], atol=2e-3)
        np.testing.assert_allclose(frame.landmarks_98, points[98], atol=2e-3)


def test_pupils_are_dark_and_lie_on_eyes():
    """The last two of the 98 points are the pupils."""
    straight = clip.random_clip(14, 7, 2)
    still = dataclasses.replace(straight.motion, expression=np.zeros((2, 52)), rotations=np.zeros((2, 5, 3)))
    frame = clip.draw(dataclasses.replace(straight, motion=still), clip.figure_of(14), 0, 512)
    for x, y in frame.landmarks_98[96:]:
        assert ground_truth.LABELS[frame.labels[int(y), int(x)]] == "eyes"
        assert frame.image[int(y), int(x)].max() < 120
        assert frame.image[int(y), int(x)].astype(int).sum() < frame.image[int(y) + 40, int(x)].astype(int).sum()


def warped(source, flow_px):
    size = len(flow_px)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32) + flow_px
    image = jnp.asarray(source[None], jnp.float32)
    return np.asarray(grid_sample(image, jnp.asarray(grid[None]), padding="border", align_corners=True, units="pixel"))[
        0
    ]


def psnr(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(np.float64) - second) ** 2))


def test_the_source_warped_by_the_flow_is_the_driving_picture():
    """100 pairs at 128 pixels have 32.3 dB where the source shows it, benchmarks/data.py says; here are twelve."""
    pairs = records.DrawnFacePairs(count=12, seed=0, size=128, people=range(4))
    with_flow, without = [], []
    for number in range(len(pairs)):
        pair = pairs[number]
        seen = pair["visible"]
        target, source = pair["driving_image"], pair["source_image"]
        with_flow.append(psnr(warped(source, pair["flow_px"])[seen], target[seen]))
        without.append(psnr(source[seen], target[seen]))
    assert np.mean(with_flow) > 28
    assert np.mean(with_flow) > np.mean(without) + 4


def test_flow_of_a_frame_to_itself_is_nothing(drawn, built):
    frame = clip.draw(drawn, built, 0, 64)
    flow_px, visible = ground_truth.flow(built, frame.view, frame.view)
    assert np.abs(flow_px).max() < 1e-3
    assert visible.mean() > 0.99


def test_what_turns_away_is_hidden(drawn, built):
    """Seen from the side, the far cheek of a frontal source cannot be found in a source turned away from it."""
    rotations = np.zeros((2, 5, 3))
    rotations[:, NECK] = axis_angle(np.array([[45.0, 0, 0], [-45.0, 0, 0]]))
    turned = dataclasses.replace(drawn, motion=dataclasses.replace(drawn.motion, rotations=rotations))
    right, left = (clip.draw(turned, built, number, 128) for number in (0, 1))
    flow_px, visible = ground_truth.flow(built, right.view, left.view)
    skin = right.labels == ground_truth.LABELS.index("skin")
    assert 0.2 < visible[skin].mean() < 0.8
    assert np.abs(flow_px[skin]).max() > 15


def test_open_eyes_are_not_seen_in_a_source_with_closed_lids(drawn, built):
    """Nor are the teeth of an open mouth in a closed one."""
    faces = np.stack([coefficients({"eyeBlink": 1.0}), coefficients({"jawOpen": 0.8, "mouthUpperUp": 0.5})])
    still = dataclasses.replace(drawn.motion, expression=faces, rotations=np.zeros((2, 5, 3)))
    clip_of_two = dataclasses.replace(drawn, motion=still)
    for size in (64, 128, 256):
        closed, opened = (clip.draw(clip_of_two, built, number, size) for number in (0, 1))
        visible = ground_truth.flow(built, opened.view, closed.view)[1]
        # A pixel or two of the mouth's inside are seen between closed lips.
        for name, least, share in (("eyes", 8, 0.0), ("mouth", 15, 0.06)):
            hidden = opened.labels == ground_truth.LABELS.index(name)
            assert hidden.sum() > least
            assert visible[hidden].mean() <= share
        assert visible[opened.labels == ground_truth.LABELS.index("skin")].mean() > 0.9


def test_labels(drawn, built):
    labels = clip.draw(drawn, built, 0, 128).labels
    share = {name: np.mean(labels == number) for number, name in enumerate(ground_truth.LABELS)}
    assert set(np.unique(labels)) >= {0, 1, 2, 4, 5, 6}
    assert share["background"] > 0.2
    assert share["skin"] > 0.08
    assert share["hair"] > 0.05
    assert share["clothes"] > 0.03
    assert (labels[0] != ground_truth.LABELS.index("clothes")).all()
    assert (labels[-1, ::16] == ground_truth.LABELS.index("clothes")).any()


def test_the_same_scene_at_other_sizes(drawn, built):
    """A picture of half the size is the mean of the larger one's pixels, nearly."""
    small, large = (clip.draw(drawn, built, 3, size) for size in (64, 128))
    halved = large.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert psnr(halved, small.image) > 26
    np.testing.assert_allclose(2 * small.landmarks_68, large.landmarks_68, atol=1e-3)


def test_unknown_sizes(drawn, built):
    with pytest.raises(ValueError, match=r"sides of \(64, 128, 256, 512\) pixels, got 100"):
        clip.draw(drawn, built, 0, 100)
