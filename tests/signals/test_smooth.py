"""The One-Euro filter: against the paper's algorithm written out, and lag, noise, gaps and rotations."""

import math

import numpy as np
import pytest
import scipy.spatial.transform

from jaxanim.signals import smooth

Rotation = scipy.spatial.transform.Rotation
TOLERANCE = 1e-12


def one_euro(values, times, min_cutoff, beta, derivative_cutoff):
    """Algorithm 1 of Casiez et al. 2012 for a list of numbers, as its listing reads."""

    def alpha(rate, cutoff):
        tau, te = 1.0 / (2 * math.pi * cutoff), 1.0 / rate
        return 1.0 / (1.0 + tau / te)

    result, filtered, speed = [], None, 0.0
    for index, value in enumerate(values):
        if filtered is None:
            filtered = value
        else:
            rate = 1.0 / (times[index] - times[index - 1])
            by = alpha(rate, derivative_cutoff)
            speed = by * (value - filtered) * rate + (1 - by) * speed
            by = alpha(rate, min_cutoff + beta * abs(speed))
            filtered = by * value + (1 - by) * filtered
        result.append(filtered)
    return result


@pytest.fixture
def noisy():
    """Three channels of noise at times that vary."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(80, 3)), np.cumsum(rng.uniform(0.01, 0.08, 80))


@pytest.mark.parametrize("options", [(1.0, 0.0, 1.0), (0.5, 2.0, 1.0), (3.0, 0.3, 4.0)])
def test_against_the_papers_algorithm(noisy, options):
    values, time = noisy
    found = smooth.smooth_track(values, time, min_cutoff=options[0], beta=options[1], derivative_cutoff=options[2])
    expected = np.stack([one_euro(list(column), list(time), *options) for column in values.T], axis=1)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)


def test_one_shot_and_streaming_are_equal(noisy):
    values, time = noisy
    confidence = np.random.default_rng(1).choice([0.0, 0.4, 1.0], 80)
    confidence[0] = 1.0
    for step, one_shot in ((smooth.step, smooth.smooth_track), (smooth.step_rotations, smooth.smooth_rotations)):
        state, streamed = smooth.start((3,)), []
        for frame in range(80):
            dt = float(time[frame] - time[frame - 1]) if frame else 0.0
            state = step(state, values[frame], dt, confidence=float(confidence[frame]))
            streamed.append(state.value)
        np.testing.assert_array_equal(one_shot(values, time, confidence=confidence), np.stack(streamed))


def test_a_constant_stays():
    time = np.arange(20) / 30
    still = np.full((20, 2, 3), 0.7)
    np.testing.assert_array_equal(smooth.smooth_track(still, time), still)
    np.testing.assert_allclose(smooth.smooth_rotations(still, time), still, atol=TOLERANCE)


@pytest.mark.parametrize("slope", [0.5, 4.0])
def test_lag_of_a_ramp(slope):
    """Without beta it is slope / (2 pi cutoff) at any rate; beta brings it below the bound that is documented."""
    time = np.arange(400) / 30
    lag = slope * time - smooth.smooth_track(slope * time, time, beta=0.0)
    assert lag[-1] == pytest.approx(slope / (2 * np.pi), rel=1e-6)
    for beta in (0.5, 3.0):
        lag = slope * time - smooth.smooth_track(slope * time, time, beta=beta)
        bound = slope / (2 * np.pi * (1.0 + beta * slope))
        assert 0.2 * bound < lag[-1] <= bound


def test_noise_is_reduced():
    """The variance of white noise falls to share / (2 - share), where share is how much of a new value is taken."""
    noise, time = np.random.default_rng(2).normal(0, 0.01, (200, 300)), np.arange(200) / 30
    share = 1 / (1 + 30 / (2 * np.pi))
    settled = smooth.smooth_track(noise, time, beta=0.0)[50:]
    assert settled.var() / noise.var() == pytest.approx(share / (2 - share), rel=0.03)  # 0.095
    assert smooth.smooth_track(noise, time)[50:].var() / noise.var() < 0.11


def test_frames_without_confidence_hold():
    values, time = np.array([5.0, 1.0, 2.0, 9.0, 9.0, 3.0]), np.arange(6) / 30
    confidence = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0])
    found = smooth.smooth_track(values, time, confidence=confidence)
    assert found[0] == found[1] == 1.0
    assert found[2] == found[3] == found[4] != 9.0
    # What comes after a gap is as if the frames of the gap had not been there.
    seen = confidence > 0
    np.testing.assert_allclose(found[seen], smooth.smooth_track(values[seen], time[seen]), atol=TOLERANCE)


def test_little_confidence_counts_little():
    values, time = np.array([0.0, 1.0]), np.array([0.0, 0.1])
    shares = [smooth.smooth_track(values, time, beta=0.0, confidence=np.array([1.0, c]))[1] for c in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(shares, [0.0, shares[2] / 2, shares[2]], atol=TOLERANCE)
    assert shares[2] > 0.3


def test_a_turn_about_one_axis_is_as_its_angle():
    angle, time = 0.3 * np.random.default_rng(3).normal(size=50), np.arange(50) / 30
    axis = np.array([0.6, 0.0, 0.8])
    found = smooth.smooth_rotations(angle[:, None] * axis, time)
    np.testing.assert_allclose(found, smooth.smooth_track(angle, time)[:, None] * axis, atol=1e-9)


def test_rotations_do_not_jump_where_angles_wrap():
    """A steady turn through pi, whose axis times angle flips its sign there; numbers would pass through no turn."""
    time = np.arange(90) / 30
    turns = Rotation.from_rotvec(np.linspace(2.5, 4.0, 90)[:, None] * np.array([0.0, 1.0, 0.0]))
    values = turns.as_rotvec()
    assert np.abs(np.diff(values, axis=0)).max() > 6
    found = Rotation.from_rotvec(smooth.smooth_rotations(values, time))
    steps = (found[:-1].inv() * found[1:]).magnitude()
    assert steps.max() < 1.1 * 1.5 / 89  # catching up, a little faster than what it follows
    assert (found.inv() * turns).magnitude().max() < 0.5 / (2 * np.pi)
    numbers = Rotation.from_rotvec(smooth.smooth_track(values, time))
    assert (numbers.inv() * turns).magnitude().max() > 0.7  # what it is for


def test_the_filter_does_not_depend_on_the_axes(noisy):
    """Turning all rotations before or after filtering is the same."""
    values, time = noisy
    around = Rotation.from_rotvec([0.4, -1.0, 0.7])
    turned = (around * Rotation.from_rotvec(values)).as_rotvec()
    found = Rotation.from_rotvec(smooth.smooth_rotations(turned, time))
    expected = around * Rotation.from_rotvec(smooth.smooth_rotations(values, time))
    assert (found.inv() * expected).magnitude().max() < 1e-9


def test_wrong_calls():
    time = np.arange(3) / 30
    with pytest.raises(ValueError, match="time must go on from step to step, got 0"):
        smooth.smooth_track(np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="none of 3 frames has a confidence above 0"):
        smooth.smooth_track(np.zeros(3), time, confidence=np.zeros(3))
    with pytest.raises(ValueError, match="finite"):
        smooth.smooth_track(np.array([0, np.nan, 0]), time)
    with pytest.raises(ValueError, match=r"a confidence of 2"):
        smooth.step(smooth.start((1,)), np.zeros(1), 0.1, confidence=2.0)
    with pytest.raises(ValueError, match=r"shape \(2,\) was expected, got \(3,\)"):
        smooth.step(smooth.start((2,)), np.zeros(3), 0.1)
    for option in ({"min_cutoff": 0.0}, {"beta": -1.0}, {"derivative_cutoff": math.inf}):
        with pytest.raises(ValueError, match="cutoffs must be positive and beta not negative"):
            smooth.smooth_track(np.zeros(3), time, **option)
