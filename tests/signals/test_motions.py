"""Built-in motions: what moves, how far and how fast, and that rate, length and seed do what they promise."""

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.signals import motions, pose_vector

MOTIONS = ("idle", "talk", "look", "dance")
TOLERANCE = 1e-5  # float32 poses, of sums whose times are rounded differently at another rate
SECONDS = 12.0


def column(track, name: str) -> np.ndarray:
    return track.pose[:, pose_vector.POSE_INDEX[name]]


def moved(track, at_least: float) -> set[str]:
    """Names whose values span at least that much."""
    return {name for name in pose_vector.POSE_NAMES if np.ptp(column(track, name)) >= at_least}


def make(motion, *, duration=SECONDS, fps=30.0, seed=7):
    return motions.make_motion(motion, duration=duration, fps=fps, seed=seed)


@pytest.mark.parametrize(
    ("duration", "fps", "count"), [(2.0, 30.0, 60), (0.01, 30.0, 1), (1.01, 10.0, 11), (1 / 3, 30.0, 10)]
)
def test_times(duration, fps, count):
    track = make("idle", duration=duration, fps=fps)
    np.testing.assert_allclose(track.time, np.arange(count) / fps)
    assert track.pose.shape == (count, 45)
    assert track.pose.dtype == np.float32


@pytest.mark.parametrize("motion", MOTIONS)
def test_ranges(motion):
    for seed in range(4):
        track = make(motion, duration=30.0, seed=seed)
        assert np.isfinite(track.pose).all()
        assert (track.pose >= pose_vector.POSE_LOW).all()
        assert (track.pose <= pose_vector.POSE_HIGH).all()


@pytest.mark.parametrize("motion", MOTIONS)
def test_seed_decides(motion):
    first = make(motion)
    np.testing.assert_array_equal(first.pose, make(motion).pose)
    assert np.abs(first.pose - make(motion, seed=8).pose).max() > 0.1


@pytest.mark.parametrize("motion", MOTIONS)
def test_same_moment_same_pose_at_any_rate(motion):
    slow, fast = make(motion, fps=20.0), make(motion, fps=60.0)
    np.testing.assert_allclose(fast.pose[::3], slow.pose, atol=TOLERANCE)


@pytest.mark.parametrize("motion", MOTIONS)
def test_same_moment_same_pose_at_any_length(motion):
    """A longer track begins with the shorter one: nothing that is yet to come may be missing at its end."""
    for seed in range(4):
        long = make(motion, duration=8.0, fps=60.0, seed=seed)
        for count in range(1, len(long.pose), 13):
            short = make(motion, duration=count / 60.0, fps=60.0, seed=seed)
            assert len(short.pose) == count
            np.testing.assert_allclose(short.pose, long.pose[:count], atol=TOLERANCE, err_msg=f"{count=} {seed=}")


# Largest change in a thirtieth of a second: eyelids close by 0.66 of the way in it, eyes make nearly half of a glance.
SPEEDS = {"idle": 0.67, "look": 0.95, "talk": 0.95, "dance": 0.67}


@pytest.mark.parametrize("motion", MOTIONS)
def test_continuity(motion):
    """No jumps: in an eighth of the time, about an eighth of the change."""
    for seed in range(4):
        changes = np.abs(np.diff(make(motion, fps=30.0, seed=seed).pose, axis=0)).max()
        finer = np.abs(np.diff(make(motion, fps=240.0, seed=seed).pose, axis=0)).max()
        assert changes < SPEEDS[motion]
        assert finer < SPEEDS[motion] / 6


@pytest.mark.parametrize("motion", MOTIONS)
def test_head_and_body_are_slow(motion):
    """At most a tenth of their range in a thirtieth of a second."""
    changes = np.abs(np.diff(make(motion).pose[:, pose_vector.BODY], axis=0))
    assert changes.max() < 0.2


@pytest.mark.parametrize("motion", MOTIONS)
def test_breathing(motion):
    """A full breath in 3.4 seconds, between 0 and 1."""
    breathing = column(make(motion, duration=34.0, fps=50.0), "breathing")
    assert breathing.min() < 0.01
    assert breathing.max() > 0.99
    np.testing.assert_allclose(breathing[170:], breathing[:-170], atol=TOLERANCE)
    assert np.abs(breathing[85:] - breathing[:-85]).max() > 0.9  # half a period is none


@pytest.mark.parametrize("motion", MOTIONS)
def test_blinks_reach_closed(motion):
    """Eyes close fully, together, at every blink, and are open most of the time."""
    for seed in range(3):
        track = make(motion, duration=30.0, seed=seed)
        left, right = column(track, "eye_wink_left"), column(track, "eye_wink_right")
        np.testing.assert_array_equal(left, right)
        closing = np.flatnonzero((left[1:] > 0) & (left[:-1] == 0))
        assert 6 <= len(closing) <= 25  # a distance of 1.8 to 4.6 s, some double
        for start in closing:
            assert left[start : start + 8].max() == 1.0
        assert (left == 0).mean() > 0.75


@pytest.mark.parametrize("motion", MOTIONS)
def test_sides_move_together(motion):
    track = make(motion)
    for name in moved(track, 0.01):
        if name.endswith("_left"):
            np.testing.assert_array_equal(column(track, name), column(track, name.removesuffix("_left") + "_right"))


BODY = {"head_x", "head_y", "neck_z", "body_y", "body_z", "breathing"}
WINK = {"eye_wink_left", "eye_wink_right"}


def test_idle_breathes_blinks_and_sways():
    track = make("idle", duration=30.0)
    assert moved(track, 0.05) == moved(track, 1e-6) == BODY | WINK
    sway = BODY - {"breathing"}
    assert all(np.abs(column(track, name)).max() < 0.3 for name in sway)  # gently


def test_look_glances_and_the_head_follows():
    track = make("look", duration=30.0, fps=60.0)
    assert moved(track, 1e-6) == BODY | WINK | {"iris_rotation_x", "iris_rotation_y"}
    eyes, head = column(track, "iris_rotation_y"), column(track, "head_y")
    assert np.ptp(eyes) > 1.0
    assert np.ptp(head) > 0.6
    lags = [np.corrcoef(eyes[: -30 or None], head[lag : len(head) - 30 + lag])[0, 1] for lag in range(31)]
    assert int(np.argmax(lags)) >= 15  # at least a quarter of a second later
    assert max(lags) > 0.5


def test_talk_speaks_with_pauses_brows_and_nods():
    track = make("talk", duration=40.0)
    vowels = {"mouth_aaa", "mouth_iii", "mouth_uuu", "mouth_eee", "mouth_ooo"}
    assert vowels <= moved(track, 0.4)
    assert {"eyebrow_raised_left", "mouth_raised_corner_left", "head_x"} <= moved(track, 0.15)
    opening = sum(column(track, name) for name in vowels)
    silent = opening < 0.01
    assert 0.05 < silent.mean() < 0.5
    openings = np.sum((opening[1:-1] > opening[:-2]) & (opening[1:-1] >= opening[2:]))
    assert 2.0 < openings / 40.0 < 7.0  # syllables a second


def test_dance_keeps_the_beat():
    """1.9 beats a second; the body sways once in two beats, so once in 20/19 seconds."""
    track = make("dance", duration=20.0, fps=38.0)
    assert {"body_y", "body_z", "head_x", "head_y", "neck_z"} <= moved(track, 0.5)
    assert {"mouth_aaa", "eyebrow_happy_left"} <= moved(track, 0.3)
    assert column(track, "mouth_raised_corner_left").min() == np.float32(0.8)
    body_y = column(track, "body_y")
    np.testing.assert_allclose(body_y[40:], body_y[:-40], atol=TOLERANCE)
    np.testing.assert_allclose(body_y[20:], -body_y[:-20], atol=TOLERANCE)


def test_unknown_motion():
    """The function itself, without the check of annotations that the tests put around it."""
    with pytest.raises(ValueError, match=r"motion must be one of .*dance.*idle.*look.*talk.*, got 'sleep'"):
        motions.make_motion.__wrapped__("sleep", duration=1.0, fps=30.0, seed=0)


@pytest.mark.parametrize(
    ("duration", "fps"),
    [(0.0, 30.0), (-1.0, 30.0), (1.0, 0.0), (1.0, -30.0), (np.nan, 30.0), (1.0, np.inf), (np.inf, 30.0)],
)
def test_impossible_times(duration, fps):
    with pytest.raises(ValueError, match=f"duration and fps must be positive, got {duration} and {fps}"):
        make("idle", duration=duration, fps=fps)


@pytest.mark.parametrize(("duration", "fps"), [(1e300, 1e300), (1e12, 30.0)])
def test_more_frames_than_a_track_may_have(duration, fps):
    with pytest.raises(InputError, match="frames are more than the 10000000 that are possible"):
        make("idle", duration=duration, fps=fps)


def test_negative_seed():
    with pytest.raises(ValueError, match="seed"):
        make("idle", seed=-1)
