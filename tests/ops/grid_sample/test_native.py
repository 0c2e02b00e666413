"""The warp in C++: the contracts of a kernel and of `grid_sample`, and how it is built, kept and refused."""

import ctypes
import fnmatch
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxanim.ops import grid_sample as ops
from jaxanim.ops.grid_sample import dispatch, native
from jaxanim.ops.grid_sample.native import __main__ as command
from jaxanim.ops.grid_sample.native import compiler, library, self_check
from tests.ops.grid_sample import kernel_contract as kernels
from tests.ops.grid_sample.contract import GridSampleContract

ROOT = Path(__file__).parents[3]
OPTIONS = {"padding": "border", "align_corners": False, "units": "normalised"}


@pytest.fixture(scope="module", autouse=True)
def built(tmp_path_factory):
    """The library, compiled once for this file into a folder of its own."""
    try:
        compiler.find()
    except NotImplementedError as error:
        pytest.skip(f"no C++ compiler on this machine: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield native.build()


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxanim" / "native"


@pytest.fixture
def quick_compiler(built, tmp_path, monkeypatch):
    """A compiler that takes half a second, then delivers the built library with its process id at the end."""
    script = tmp_path / "compiler"
    script.write_text(
        '#!/bin/sh\nfor target in "$@"; do :; done\nsleep 0.5\n'
        f'cp "{built}" "$target" && echo $$ >> "$target" && echo compiled >> "{tmp_path}/log"\n'
    )
    script.chmod(0o700)
    monkeypatch.setenv("CXX", str(script))
    return tmp_path / "log"


def sample(image, grid, **options):
    return ops.grid_sample(image, grid, implementation="native", **(OPTIONS | options))


class TestKernel(kernels.KernelContract):
    def read(self, image, position):
        return native.read(image, position)

    @pytest.mark.sweep
    @pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 16, 17, 48])
    @pytest.mark.parametrize(
        "make_positions", [kernels.random_positions, kernels.not_finite], ids=["random", "not finite"]
    )
    def test_every_number_of_channels(self, key, channels, make_positions):
        kernels.check(self.read, key, (2, 9, 11, channels, 12, 23), make_positions)

    @pytest.mark.parametrize("channels", [3, 4, 16])
    def test_several_bands(self, key, channels):
        """Gradients of an image that is cut into bands, by positions that cross them in every order."""
        kernels.check(self.read, key, (1, 300, 240, channels, 150, 170), kernels.random_positions)
        kernels.check(self.read, key, (1, 300, 240, channels, 150, 170), kernels.smooth_positions)


@pytest.mark.sweep
class TestNative(GridSampleContract):
    implementation = "native"


def test_nothing_outside_the_image_is_read():
    """Numbers behind the last pixel, read along with three channels, must not reach results even if not finite."""
    image = jnp.full((2, 4, 4, 3), jnp.nan).at[0].set(1.0)
    position = jnp.asarray([[(2.5, 2.5), (3.0, 3.0), (2.0, 2.0), (3.5, 3.5), (1e30, 1e30), (-7e8, 2.0)]])
    position = jnp.stack([position, position])
    pixels, pullback = jax.vjp(native.read, image, position)
    np.testing.assert_array_equal(pixels[0, 0, :, 0], [1.0, 1.0, 1.0, 0.25, 0.0, 0.0])
    image_gradient, grid_gradient = pullback(jnp.ones_like(pixels))
    assert np.isfinite(image_gradient).all()
    assert np.isfinite(grid_gradient[0]).all()


@pytest.mark.parametrize(
    "make_positions", kernels.first_and_swept(kernels.GRIDS), ids=lambda function: function.__name__
)
def test_gradients_repeat_to_the_bit(key, make_positions):
    shape = (1, 128, 160, 16, 90, 110)
    image, cotangent = jax.random.normal(key, shape[:4]), jax.random.normal(key, (1, *shape[4:], 16))
    position = kernels.resolve(make_positions(key, shape), shape)
    gradient = jax.jit(lambda i, p, q: jax.vjp(native.read, i, p)[1](q))
    first = gradient(image, position, cotangent)
    for _ in range(5):
        jax.tree.map(np.testing.assert_array_equal, gradient(image, position, cotangent), first)


def test_under_vmap_jit_and_grad(key):
    """Images mapped, grids not, and the other way round, with gradients inside and outside of vmap."""
    images = jax.random.normal(key, (3, 6, 7, 4))
    grids = jax.random.uniform(key, (3, 5, 5, 2), minval=-1.2, maxval=1.2)

    def loss(image, grid, implementation):
        out = ops.grid_sample(image, grid, implementation=implementation, **OPTIONS)
        return (out**2).sum()

    for axes in ((0, 0), (0, None), (None, 0)):
        given = [x if axis == 0 else x[0] for x, axis in zip((images, grids), axes, strict=True)]
        ours, reference = (
            jax.jit(jax.vmap(jax.grad(lambda i, g, name=name: loss(i, g, name), (0, 1)), axes))(*given)
            for name in ("native", "xla")
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), ours, reference)


def test_sharded_over_devices(key):
    """Batch and rows over four devices, as for the other kernels: each calls C++ with its part."""
    mesh = jax.make_mesh((2, 2), ("data", "rows"), axis_types=(AxisType.Auto, AxisType.Auto))
    image = jax.random.normal(key, (4, 6, 6, 3))
    grid = jax.random.uniform(key, (4, 6, 6, 2), minval=-1.0)
    axes = {"mesh": mesh, "batch_axis": "data", "row_axis": "rows"}

    def loss(image, grid):
        return (ops.grid_sample_sharded(image, grid, implementation="native", **axes, **OPTIONS) ** 2).sum()

    image_sharding, grid_sharding = (
        NamedSharding(mesh, PartitionSpec(*names)) for names in (("data",), ("data", "rows"))
    )
    gradient = jax.jit(jax.grad(loss, (0, 1)), in_shardings=(image_sharding, grid_sharding))
    compiled = gradient.lower(image, grid).compile()
    assert "all-gather" not in compiled.as_text()
    expected = jax.grad(lambda i, g: (ops.grid_sample(i, g, implementation="xla", **OPTIONS) ** 2).sum(), (0, 1))
    result = compiled(jax.device_put(image, image_sharding), jax.device_put(grid, grid_sharding))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), result, expected(image, grid))


def test_many_calls_at_once_do_not_wait_for_each_other(key):
    """More calls than threads: each must finish on its own thread if no other comes to help."""
    image, grid = jax.random.normal(key, (1, 256, 256, 16)), jax.random.uniform(key, (1, 256, 256, 2))

    def several(image, grid):
        return sum(jnp.mean(sample(image + index, grid)) for index in range(12))

    expected = 12 * float(jnp.mean(sample(image, grid))) + 66.0
    np.testing.assert_allclose(jax.jit(several)(image, grid), expected, rtol=1e-4)


def test_too_large_a_side():
    image, grid = (
        jax.ShapeDtypeStruct((1, 1, 2**23 + 1, 3), jnp.float32),
        jax.ShapeDtypeStruct((1, 4, 4, 2), jnp.float32),
    )
    with pytest.raises(NotImplementedError, match=r"up to 2\^23 rows and columns, got \(1, 1, 8388609, 3\)"):
        jax.eval_shape(native.read, image, grid)


def test_asked_for_elsewhere(monkeypatch):
    monkeypatch.setattr(dispatch, "target_device", lambda: ("tpu", "TPU v5 lite"))
    with pytest.raises(NotImplementedError, match="'native' runs on CPUs only, not on tpu"):
        sample(jnp.zeros((4, 4, 3)), jnp.zeros((4, 4, 2)))


def test_not_built_says_how_to_build(empty_cache):
    with pytest.raises(NotImplementedError, match=r"not built .* run `python -m jaxanim.ops.grid_sample.native`"):
        sample(jnp.zeros((1, 4, 4, 3)), jnp.zeros((1, 4, 4, 2)))


def test_no_compiler(empty_cache, monkeypatch, capsys):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotImplementedError, match=r"needs a C\+\+ compiler: set \$CXX or install one of c\+\+, g\+\+"):
        native.build()
    assert command.main() == 2
    assert "needs a C++ compiler" in capsys.readouterr().err
    monkeypatch.setenv("CXX", "no-such-compiler -O1")
    with pytest.raises(NotImplementedError, match=r"\$CXX \(no-such-compiler\) is missing"):
        native.build()


def test_failing_compiler(empty_cache, tmp_path, monkeypatch):
    script = tmp_path / "compiler"
    script.write_text("#!/bin/sh\necho 'warp.cpp: no such header' >&2\nexit 3\n")
    script.chmod(0o700)
    monkeypatch.setenv("CXX", str(script))
    with pytest.raises(NotImplementedError, match=r"ended with 3 and said warp.cpp: no such header"):
        native.build()
    assert list(empty_cache.iterdir()) == []


def test_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(NotImplementedError, match=r"cannot be kept in .*file"):
        native.build()


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
def test_damaged_library_is_not_loaded_and_is_rebuilt(built, empty_cache, quick_compiler, damage):
    content = built.read_bytes()
    changed = {"truncated": content[:4096], "changed": content[:9000] + b"!" + content[9001:], "empty": b""}
    empty_cache.mkdir(parents=True)
    damaged = empty_cache / built.name
    damaged.write_bytes(changed[damage])
    with pytest.raises(NotImplementedError, match=r"not built .* or is damaged"):
        native.load()
    path = native.build()
    assert list(empty_cache.iterdir()) == [path]
    assert native.load() == library._register(path)


def test_a_library_of_something_else_is_refused(empty_cache, tmp_path, monkeypatch):
    """A compiler that 'succeeds' with a file that is no library."""
    script = tmp_path / "compiler"
    script.write_text('#!/bin/sh\nfor target in "$@"; do :; done\necho hello > "$target"\n')
    script.chmod(0o700)
    monkeypatch.setenv("CXX", str(script))
    with pytest.raises(NotImplementedError, match="cannot be loaded"):
        native.build()


def test_wrong_numbers_are_refused():
    class Idle(ctypes.CDLL):
        """A library whose functions do nothing."""

        def __init__(self):
            self.jaxanim_warp_plain_read = lambda *_: None
            self.jaxanim_warp_plain_pullback = lambda *_: None

    with pytest.raises(NotImplementedError, match="computes wrong pixels with 1 channels"):
        self_check.run(Idle())


def test_built_once(built, quick_compiler):
    assert native.build() == built
    assert not quick_compiler.exists()


def test_two_processes_build_at_once(empty_cache, quick_compiler):
    """Both compile, to different files even, both succeed, and what is left is intact."""
    code = "from jaxanim.ops.grid_sample import native; native.build(); print(native.load().read)"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in both:
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, error.decode()
        assert out.startswith(b"jaxanim_warp_read_")
    files = list(empty_cache.iterdir())
    assert len(files) == len(quick_compiler.read_text().splitlines())
    assert all(library._is_intact(path) for path in files)


def test_the_source_is_part_of_the_package():
    """Hatchling packs every file of the package's folder that git does not ignore, unless it is told otherwise."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    assert wheel["packages"] == ["jaxanim"]
    assert not {"exclude", "include", "only-include"} & {*wheel, *build}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    sources = [path for path in Path(native.__file__).parent.iterdir() if path.suffix in (".h", ".cpp")]
    assert {path.name for path in sources} >= {"warp.cpp", "positions.h"}
    assert not [path for path in sources for pattern in ignored if fnmatch.fnmatch(path.name, pattern)]
