"""Suite-wide settings: strict types and shapes, four devices, annotations checked at run time."""

import jax
import jaxtyping
import pytest

# Silent promotion, silent broadcasting and single-device assumptions fail here, not on a pod.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_platforms", "cpu")

# Every function of the package checks the types and shapes it declares while the tests run.
jaxtyping.install_import_hook("jaxanim", "beartype.beartype")


@pytest.fixture
def key() -> jax.Array:
    """A random key; the same in every test."""
    return jax.random.key(0)
