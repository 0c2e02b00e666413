"""People are functions of their number, and differ."""

import dataclasses

import numpy as np
import pytest

from data_pipelines.procedural_faces import clip, figure, person

PEOPLE = [person.random_person(seed) for seed in range(400)]


def test_the_same_number_is_the_same_person():
    assert person.random_person(11) == PEOPLE[11]
    assert person.random_person(12) != PEOPLE[11]


@pytest.mark.parametrize(
    ("field", "all_"),
    [
        ("hair_style", person.HAIR_STYLES),
        ("garment", person.GARMENTS),
        ("beard", person.BEARDS),
        ("glasses", person.GLASSES),
    ],
)
def test_everything_occurs(field, all_):
    assert {getattr(someone, field) for someone in PEOPLE} == set(all_)


def test_what_goes_together():
    assert all(someone.beard == "none" for someone in PEOPLE if someone.femininity >= 0.5)
    worn = np.mean([someone.glasses != "none" for someone in PEOPLE])
    assert 0.12 < worn < 0.3
    identities = np.array([someone.identity for someone in PEOPLE])
    assert np.abs(identities).max() <= 2.2
    assert identities.std(axis=0).min() > 0.4
    colors = np.array([(*p.skin, *p.hair, *p.iris, *p.lips, *p.cloth, *p.trim, *p.frame) for p in PEOPLE])
    assert colors.min() > 0
    assert colors.max() < 1


@pytest.mark.parametrize("style", person.HAIR_STYLES)
def test_every_hair_style_is_a_closed_choice_of_meshes(style):
    someone = dataclasses.replace(PEOPLE[0], hair_style=style)
    made = figure.build(someone)
    assert np.isfinite(made.rest).all()
    assert made.paint.faces.max() == len(made.rest) - 1
    assert made.paint.uv_faces.max() == len(made.paint.uv) - 1
    assert made.paint.uv.min() >= 0
    assert made.paint.uv.max() <= 1
    np.testing.assert_allclose(made.weights.sum(axis=1), 1, atol=1e-5)
    has_hair = (np.abs(made.strand).sum(axis=1) > 0).any()
    assert has_hair == (style not in ("bald", "buzz"))
    assert (made.paint.texture[..., :3] >= 0).all()
    assert made.paint.texture.max() <= 1


def test_figures_are_functions_of_the_number(built):
    again = figure.build(person.random_person(26))
    np.testing.assert_array_equal(again.paint.texture, built.paint.texture)
    np.testing.assert_array_equal(again.rest, built.rest)
    assert clip.figure_of(26) is built  # kept
