"""A small GDPW that an octahedron drives: 32 pixels, three levels, random networks whose norms are about 1."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxanim.core.system import PosedImage
from jaxanim.systems.gdpw import files, generator
from tests.systems.gdpw import released

SIZE, CORNERS = 32, 6
DESIGN = dataclasses.replace(released.SMALL, size=SIZE, widest=8, code_size=2)
_SHALLOW = dataclasses.replace(DESIGN, levels=2, antialias=False)  # compiles faster
DESIGNS = {
    "geom_disp": dataclasses.replace(_SHALLOW, guidance="geom_disp"),
    "neural_codes": dataclasses.replace(_SHALLOW, guidance="neural_codes"),
    "both": DESIGN,
    "nmfc": dataclasses.replace(_SHALLOW, guidance="neural_codes", codes="nmfc", code_size=3),
}
# The nearest corner, four around it clockwise in the picture from below on, and the farthest: z is away, y down.
OCTAHEDRON = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1], [5, 2, 1], [5, 3, 2], [5, 4, 3], [5, 1, 4]], np.int32)
MESH = generator.mesh_faces(FACES)
MEAN_CODES = generator.mean_face_codes(OCTAHEDRON)
PICTURE = np.random.default_rng(3).uniform(-1, 1, (SIZE, SIZE, 3)).astype(np.float32)


def posed(angle, size=0.75):
    """Returns the octahedron turned around the vertical axis, in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    return (size * OCTAHEDRON @ turn.T).astype(np.float32)


def source():
    return PosedImage(jnp.asarray(PICTURE), jnp.asarray(posed(0.0)))


def drives(*angles):
    return jnp.asarray(np.stack([posed(angle).reshape(-1) for angle in angles]))


def variables(design, groups=(files.GENERATOR,)):
    """Returns random networks."""
    learnt = dataclasses.replace(design, codes="learnt")
    states = {group: released.small_state_dict(group, learnt) for group in groups}
    found = jax.tree.map(jnp.asarray, files.from_state_dicts(states, learnt))
    if design.codes == "nmfc":
        del found["params"][files.GENERATOR]["codes"]
        found["stats"][files.GENERATOR]["codes"] = jnp.asarray(MEAN_CODES)
    return {kind: found[kind] for kind in ("params", "stats")}
