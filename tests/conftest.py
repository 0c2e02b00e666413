"""Suite-wide settings: strict types and shapes, four devices, annotations checked at run time."""

import signal
from collections.abc import Iterator
from typing import Any

import flax.struct
import jax
import jaxtyping
import pytest

from tests import typechecker

# Silent promotion, silent broadcasting and single-device assumptions fail here, not on a pod.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_platforms", "cpu")

_make_dataclass = flax.struct.dataclass


def _unchecked_dataclass(cls: type, **options: Any) -> Any:
    """A pytree whose fields are not checked: JAX rebuilds pytrees with placeholders in them."""
    made = _make_dataclass(cls, **options)
    made.__no_type_check__ = True
    return made


# Every function of the package checks the types and shapes it declares while the tests run.
flax.struct.dataclass = _unchecked_dataclass
jaxtyping.install_import_hook("jaxanim", f"{typechecker.__name__}.typechecked")


@pytest.fixture(autouse=True, scope="module")
def _forget_programs() -> Iterator[None]:
    """Compiled programs of a file's tests go when they are done; a whole run would keep tens of gigabytes of them."""
    yield
    jax.clear_caches()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts, also where a shell runs the suite in the background and has turned it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def key() -> jax.Array:
    """A random key; the same in every test."""
    return jax.random.key(0)


@pytest.fixture
def compile_fast() -> Iterator[None]:
    """For small programs that run once: compiling fast beats running fast."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
