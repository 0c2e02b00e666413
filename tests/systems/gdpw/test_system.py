"""GDPW as a system: every guidance, one source and many poses, folded networks, motion that is none."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxanim.core.system import PosedImage, System
from jaxanim.systems.gdpw import files
from jaxanim.systems.gdpw.system import Gdpw
from tests.systems.gdpw import small

SIZE = small.SIZE
ANGLES = (0.0, 0.4, -0.3)


def system_of(design, **options):
    return Gdpw(design, small.MESH, mean_codes=jnp.asarray(small.MEAN_CODES), **options)


@pytest.fixture(scope="module")
def of_design():
    """Variables, what they make of the source, and three frames."""

    @functools.cache
    def run(name):
        variables = small.variables(small.DESIGNS[name])
        return variables, *animate(small.DESIGNS[name], variables, small.drives(*ANGLES))

    return run


def animate(design, variables, drive, **options):
    system = system_of(design, **options)

    @jax.jit
    def run(variables, drive):
        code = system.encode_source(variables, small.source())
        return code, system.render(variables, code, drive)

    return jax.tree.map(np.asarray, run(variables, drive))


@pytest.mark.parametrize("name", sorted(small.DESIGNS))
def test_frames(of_design, name):
    design, (_, code, frames) = small.DESIGNS[name], of_design(name)
    np.testing.assert_allclose(code.image, (small.PICTURE + 1) / 2, atol=1e-6)
    assert frames.image.shape == frames.warped.shape == (3, SIZE, SIZE, 3)
    assert (frames.flow_px.shape, frames.mask.shape) == ((3, SIZE, SIZE, 2), (3, SIZE, SIZE, 1))
    assert -1 < frames.image.min() < frames.image.max() < 1
    assert -1 <= frames.warped.min() < frames.warped.max() <= 1
    assert 0.2 < frames.mask.mean() < 0.35  # half of a square with three quarters of the side, or a little less
    assert all(np.abs(frames.image[0] - frames.image[n]).max() > 1e-4 for n in (1, 2))
    assert code.encoded.bottom.shape == (1, *(2 * (SIZE >> design.levels - 1,)), design.widths[-1])


def test_rows_do_not_depend_on_each_other_and_norms_can_be_folded(of_design):
    """A row alone, by networks that do not divide by their spectral norm."""
    variables, _, frames = of_design("both")
    folded = jax.tree.map(jnp.asarray, files.fold_generator(variables))
    assert set(folded) == {"params", "stats"}
    _, alone = animate(small.DESIGN, folded, small.drives(ANGLES[1]), spectral=False)
    for name in ("image", "warped", "flow_px", "mask"):
        ours, theirs = getattr(alone, name)[0], getattr(frames, name)[1]
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("exact_grid", [True, False])
def test_networks_that_predict_no_motion(exact_grid):
    """An exact grid shows the source as it is; the released one, whose positions are 0 to 32, half a pixel off."""
    design = dataclasses.replace(small.DESIGNS["geom_disp"], exact_grid=exact_grid, blend=True)
    variables = small.variables(design)
    decoder = variables["params"][files.GENERATOR]["decoder"]
    decoder["flow1"] = jax.tree.map(jnp.zeros_like, decoder["flow1"])
    decoder["out"]["bias"] = jnp.asarray([0.0, 0.0, 0.0, -1e4])  # alpha is 0: the warped source shows
    _, frames = animate(design, variables, small.drives(0.4))
    if exact_grid:
        np.testing.assert_array_equal(frames.flow_px, 0.0)
        np.testing.assert_allclose(frames.image[0], small.PICTURE, atol=1e-6)
    else:
        np.testing.assert_allclose(frames.flow_px[0, 0, :, 0], np.arange(SIZE) / 31 - 0.5, atol=1e-5)
    np.testing.assert_allclose(frames.image, frames.warped, atol=1e-6)


@pytest.mark.parametrize("name", sorted(small.DESIGNS))
def test_untrained_networks_are_those_of_files(name):
    design = small.DESIGNS[name]
    system = system_of(design)
    assert isinstance(system, System)
    made, template = jax.eval_shape(system.init, jax.random.key(0)), files.template(design, folded=False)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), made) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), template
    )


def test_wrong_sizes():
    system, variables = system_of(small.DESIGN), small.variables(small.DESIGN)
    vertices = jnp.asarray(small.posed(0.0))
    with pytest.raises(ValueError, match=r"image must end in shape \(32, 32, 3\)"):
        system.encode_source(variables, PosedImage(jnp.zeros((64, 64, 3)), vertices))
    with pytest.raises(ValueError, match=r"vertices_ndc must end in shape \(6, 3\)"):
        system.encode_source(variables, PosedImage(jnp.asarray(small.PICTURE), vertices[:5]))
    code = jax.eval_shape(system.encode_source, variables, small.source())
    with pytest.raises(ValueError, match=r"drive must end in shape \(18\)"):
        jax.eval_shape(system.render, variables, code, jnp.zeros((1, 15)))
    with pytest.raises(ValueError, match="needs mean_codes"):
        Gdpw(small.DESIGNS["nmfc"], small.MESH).init(jax.random.key(0))
