"""What guides the networks, from shapes that can be counted by hand; the parts and the whole agree."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.systems.gdpw import files, generator
from jaxanim.systems.gdpw.networks import Decoded
from tests.systems.gdpw import small

RNG = np.random.default_rng(1)
SIZE = small.SIZE
STILL, MOVED = (jnp.asarray(small.posed(0.0)[None] + np.float32([x, 0, 0])) for x in (0.0, 0.125))


def random(*shape):
    return jnp.asarray(RNG.random(shape), jnp.float32)


@pytest.fixture(scope="module")
def maps():
    """The octahedron two pixels to the right of the source, with jagged borders."""
    design = dataclasses.replace(small.DESIGN, antialias=False)
    codes = jnp.asarray(np.arange(12).reshape(6, 2), jnp.float32)
    return jax.jit(generator.paint, static_argnums=0)(design, small.MESH, codes, STILL, MOVED)


def test_the_mesh_is_painted_on_both_pictures(maps):
    """A square on its corner of half a diagonal of 12 pixels, whose points come from 2 pixels to the left."""
    maps = jax.tree.map(np.asarray, maps)
    seen = maps.mask[0, ..., 0] > 0
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5 - 16
    np.testing.assert_array_equal(seen, np.abs(x - 2) + np.abs(y) <= 12)
    np.testing.assert_allclose(maps.flow_ndc[0][seen], np.broadcast_to([-0.125, 0.0], (seen.sum(), 2)), atol=1e-6)
    np.testing.assert_array_equal(maps.flow_ndc[0][~seen], 0.0)
    np.testing.assert_allclose(maps.codes_target[0, :, 2:], maps.codes_source[0, :, :-2], atol=1e-5)
    assert maps.codes_source[0, 16, 16].max() < 5  # the nearest corner has the codes 0 and 1, the farthest 10 and 11


def test_what_guides(maps):
    """Displacements are multiplied where they modulate, and not where they warp."""
    design = dataclasses.replace(small.DESIGN, flow_gain=10.0)
    modulation, warps = generator.guides(design, maps, jnp.float32)
    assert modulation.shape[-1] == design.modulation == 4
    np.testing.assert_array_equal(modulation[..., :2], maps.codes_target)
    np.testing.assert_allclose(modulation[..., 2:], 10 * maps.flow_ndc, rtol=1e-6)
    np.testing.assert_array_equal(warps, maps.flow_ndc)
    geometric = dataclasses.replace(design, guidance="geom_disp")
    modulation, warps = generator.guides(geometric, maps, jnp.bfloat16)
    assert (modulation.shape[-1], modulation.dtype, warps.dtype) == (2, jnp.bfloat16, jnp.float32)
    coded = dataclasses.replace(design, guidance="neural_codes")
    modulation, warps = generator.guides(coded, maps, jnp.float32)
    np.testing.assert_array_equal(modulation, maps.codes_target)
    assert warps is None


def test_what_the_encoder_sees():
    picture, codes = random(1, 4, 4, 3), random(1, 4, 4, 2)
    seen = generator.encoder_input(small.DESIGN, picture, codes)
    np.testing.assert_array_equal(seen, np.concatenate([picture, codes], axis=-1))
    plain = generator.encoder_input(small.DESIGNS["geom_disp"], picture, codes[..., :0])
    np.testing.assert_array_equal(plain, picture)


def test_codes_of_vertices():
    learnt, places = random(6, 2), random(6, 3)
    params, stats = {"codes": learnt}, {"codes": places}
    assert generator.codes_of(small.DESIGN, params, {}) is learnt
    assert generator.codes_of(small.DESIGNS["nmfc"], {}, stats) is places
    assert generator.codes_of(small.DESIGNS["geom_disp"], {}, {}).shape == (6, 0)
    template = np.array([[1, 0, -2], [3, 0.5, 2], [2, 1, -1]], np.float32)
    np.testing.assert_allclose(generator.mean_face_codes(template), [[0, 0, 0], [1, 0.5, 1], [0.5, 1, 0.25]])


@pytest.mark.parametrize("blend", [False, True])
def test_the_source_shows_where_alpha_is_small(blend):
    design, picture = dataclasses.replace(small.DESIGN, blend=blend), random(1, 4, 4, 3)
    flow = jnp.zeros((1, 4, 4, 2)).at[..., 0].set(1.0)
    decoded = Decoded(random(1, 4, 4, 3), random(1, 4, 4, 1), (flow,))
    made = jax.jit(generator.compose, static_argnums=0)(design, picture, decoded, random(1, 4, 4, 1))
    warped = np.pad(picture, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, :, 1:]
    np.testing.assert_allclose(made.warped, warped, atol=1e-6)
    shown = decoded.alpha * decoded.image + (1 - decoded.alpha) * warped if blend else decoded.image
    np.testing.assert_allclose(made.image, shown, atol=1e-6)


def test_training_changes_the_statistics_of_norms_alone():
    """Places in the mean face stay; so does everything where nothing is trained, and the parts make the whole."""
    design, found = small.DESIGNS["nmfc"], small.variables(small.DESIGNS["nmfc"])
    params, stats = (found[kind][files.GENERATOR] for kind in ("params", "stats"))
    picture = (jnp.asarray(small.PICTURE)[None] + 1.0) / 2.0

    @jax.jit
    def run(params, stats):
        whole, still = generator.generate(design, small.MESH, params, stats, picture, STILL, MOVED, train=False)
        maps = generator.paint(design, small.MESH, generator.codes_of(design, params, stats), STILL, MOVED)
        given = generator.encoder_input(design, picture, maps.codes_source)
        encoded = generator.encode(design, params, stats, given, spectral=True)
        decoded = generator.decode(design, params, stats, encoded, maps, spectral=True)
        made, changed = generator.generate(design, small.MESH, params, stats, picture, STILL, MOVED, train=True)
        return whole, still, generator.compose(design, picture, decoded, maps.mask), made, changed

    whole, still, joined, made, changed = run(params, stats)
    jax.tree.map(np.testing.assert_array_equal, still, stats)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), whole, joined)
    assert np.abs(made.image - whole.image).max() > 1e-3
    same = jax.tree.map(lambda a, b: bool((a == b).all()), changed, stats)
    assert same.pop("codes", True)
    assert not any(jax.tree.leaves(same))
