"""Pairs and triplets: who may meet whom, how often, and that the choice depends on the generator alone."""

import collections

import numpy as np
import pytest

from jaxanim.core.errors import InputError
from jaxanim.data import sampling


def draws(sampler, count):
    return [sampler(unit % len(sampler), np.random.default_rng([0, unit])) for unit in range(count)]


def test_pairs_of_a_clip_are_equally_frequent():
    pairs = sampling.SameClipPair(["b", "a", "b", "b", "c"])  # only b has two frames
    assert len(pairs) == 1
    found = collections.Counter((pair["source"], pair["driving"]) for pair in draws(pairs, 600))
    assert found.keys() == {(0, 2), (2, 0), (0, 3), (3, 0), (2, 3), (3, 2)}
    assert min(found.values()) > 60  # 100 expected, standard deviation 9


def test_one_clip_of_each_person():
    """Person 5 has clips of three, two and one frames, 7 a single frame; 9 calls a clip as 5 does."""
    people = np.array([5, 5, 5, 9, 9, 7, 5, 5, 5])
    clips = np.array(["x", "y", "x", "x", "x", "x", "x", "y", "z"])
    pairs = sampling.OneClipOfIdentity(people, clips)
    assert len(pairs) == 2
    found = collections.Counter((each["source"], each["driving"]) for each in draws(pairs, 1200))
    assert found.keys() == {(0, 2), (0, 6), (2, 6), (1, 7), (3, 4)}  # in ascending order
    assert found[3, 4] == 600
    assert found[1, 7] == pytest.approx(300, abs=60)  # clips, not pairs: standard deviation 12
    assert min(found[0, 2], found[0, 6], found[2, 6]) > 60  # 100 expected


def test_triplets():
    people = np.array([5, 9, 5, 7, 9, 9])  # 7 is seen once
    triplets = sampling.IdentityTriplet(people)
    found = draws(triplets, 600)
    for each in found:
        anchor, positive, negative = each["anchor"], each["positive"], each["negative"]
        assert people[anchor] == people[positive] != people[negative]
        assert anchor != positive
    anchors = collections.Counter(each["anchor"] for each in found)
    assert anchors == dict.fromkeys([0, 1, 2, 4, 5], 120)
    assert {each["negative"] for each in found if people[each["anchor"]] == 5} == {1, 3, 4, 5}
    assert {each["positive"] for each in found if each["anchor"] == 1} == {4, 5}


def test_random_driving_is_anybody_else():
    found = draws(sampling.RandomDriving(4), 400)
    assert [each["source"] for each in found] == [number % 4 for number in range(400)]
    assert {(e["source"], e["driving"]) for e in found} == {(s, d) for s in range(4) for d in range(4) if s != d}


@pytest.mark.parametrize(
    "sampler",
    [
        sampling.SameClipPair([0, 0, 1, 1]),
        sampling.OneClipOfIdentity([0, 0, 0, 0], [1, 1, 2, 2]),
        sampling.IdentityTriplet([0, 0, 1]),
        sampling.RandomDriving(5),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_the_same_generator_gives_the_same_choice(sampler):
    assert draws(sampler, 20) == draws(sampler, 20)
    assert isinstance(sampler, sampling.Sampler)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sampling.SameClipPair([1, 2, 3]), "a clip of two frames"),
        (lambda: sampling.SameClipPair([]), "a clip of two frames"),
        (lambda: sampling.OneClipOfIdentity([1, 1, 2], ["a", "b", "a"]), "a clip of two frames"),
        (lambda: sampling.IdentityTriplet([1, 1, 1]), "two people or more, got 1"),
        (lambda: sampling.IdentityTriplet([1, 2, 3]), "two records or more"),
        (lambda: sampling.RandomDriving(1), "got 1"),
    ],
)
def test_what_cannot_be_sampled(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_people_and_clips_of_different_numbers():
    with pytest.raises(ValueError, match="got 2 and 1"):
        sampling.OneClipOfIdentity([1, 1], ["a"])
