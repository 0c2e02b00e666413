"""Split over batch and rows: equal to the whole, gradients too, and nothing is gathered."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxanim.ops import grid_sample as ops

OPTIONS = {"padding": "border", "align_corners": False, "units": "normalised"}


def make_mesh():
    return jax.make_mesh((2, 2), ("data", "rows"), axis_types=(AxisType.Auto, AxisType.Auto))


@pytest.mark.parametrize(
    ("batch_axis", "row_axis"), [("data", None), (None, "rows"), ("data", "rows"), (None, None)], ids=str
)
def test_equals_the_whole(key, batch_axis, row_axis):
    mesh = make_mesh()
    image = jax.random.normal(key, (4, 6, 5, 3))
    grid = jax.random.uniform(key, (4, 8, 7, 2), minval=-1.2, maxval=1.2)

    def split(image, grid):
        return ops.grid_sample_sharded(image, grid, mesh=mesh, batch_axis=batch_axis, row_axis=row_axis, **OPTIONS)

    result, pullback = jax.vjp(jax.jit(split), image, grid)
    expected, whole_pullback = jax.vjp(lambda i, g: ops.grid_sample(i, g, **OPTIONS), image, grid)
    np.testing.assert_allclose(result, expected, atol=1e-6)
    for ours, theirs in zip(pullback(expected), whole_pullback(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_nothing_is_gathered():
    """Only the image's gradient is summed over the devices that share its rows."""
    mesh = make_mesh()
    whole = NamedSharding(mesh, PartitionSpec("data"))
    part = NamedSharding(mesh, PartitionSpec("data", "rows"))
    image = jax.ShapeDtypeStruct((4, 6, 5, 3), jnp.float32, sharding=whole)
    grid = jax.ShapeDtypeStruct((4, 8, 7, 2), jnp.float32, sharding=part)

    def loss(image, grid):
        out = ops.grid_sample_sharded(image, grid, mesh=mesh, batch_axis="data", row_axis="rows", **OPTIONS)
        return (out**2).sum(axis=(1, 2, 3))

    def both(image, grid):
        values, pullback = jax.vjp(loss, image, grid)
        return pullback(jnp.ones_like(values))

    text = jax.jit(both, out_shardings=(whole, part)).lower(image, grid).compile().as_text()
    assert "all-gather" not in text
    assert "all-reduce" in text


def pull(image, grid, cotangent):
    return jax.vjp(lambda i, g: ops.grid_sample(i, g, **OPTIONS), image, grid)[1](cotangent)


@pytest.mark.parametrize("images", [8, 6])
def test_under_a_mesh_the_gradients_of_a_batch_stay_where_they_are(key, images):
    """A batch that the mesh does not divide is not split: its gradients are right all the same."""
    image = jax.random.normal(key, (images, 6, 5, 3))
    grid = jax.random.uniform(key, (images, 8, 7, 2), minval=-1.2, maxval=1.2)
    cotangent = jax.random.normal(jax.random.key(1), (images, 8, 7, 3))
    want = pull(image, grid, cotangent)
    mesh = make_mesh()
    rows = NamedSharding(mesh, PartitionSpec(("data", "rows") if images == 8 else None))
    with jax.set_mesh(mesh):
        work = jax.jit(pull).lower(*jax.device_put((image, grid, cotangent), rows)).compile()
    for ours, theirs in zip(work(*jax.device_put((image, grid, cotangent), rows)), want, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    exchanges = re.findall(r"all-gather|all-to-all|collective-permute|all-reduce", work.as_text())
    assert exchanges == [] or images == 6


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"batch_axis": "model"}, r"batch_axis must be one of .*'data', 'rows'.* got 'model'"),
        ({"batch_axis": "data"}, "splits 3 over 2 devices"),
        ({"row_axis": "rows"}, "splits 5 over 2 devices"),
    ],
)
def test_wrong_axes(axes, message):
    with pytest.raises(ValueError, match=message):
        ops.grid_sample_sharded(jnp.zeros((3, 4, 4, 1)), jnp.zeros((3, 5, 4, 2)), mesh=make_mesh(), **axes, **OPTIONS)


def test_one_axis_for_both():
    with pytest.raises(ValueError, match="must differ, got 'data' for both"):
        ops.grid_sample_sharded(
            jnp.zeros((2, 4, 4, 1)),
            jnp.zeros((2, 4, 4, 2)),
            mesh=make_mesh(),
            batch_axis="data",
            row_axis="data",
            **OPTIONS,
        )
