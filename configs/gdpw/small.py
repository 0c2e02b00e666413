"""A small GDPW of 128 pixels, for a CPU: drawn people, on the open head.

    python -m launch.train --config configs/gdpw/small.py --workdir DIR

Not as published: narrow networks on five levels, pictures blended with the warped source, a grid without the half
pixel, larger numbers for displacements, and differences of colours in place of VGG-19's features and a discriminator.
"""

import ml_collections

from jaxanim.systems.gdpw.objectives import Objective
from jaxanim.systems.gdpw.presets import Design
from launch import settings
from launch.jobs import gdpw
from launch.jobs.gdpw_data import DataSettings

OPEN_HEAD_VERTICES = 6128


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    design = Design(
        "both",
        OPEN_HEAD_VERTICES,
        size=128,
        levels=5,
        width=12,
        widest=192,
        code_size=8,
        blend=True,
        exact_grid=True,
        flow_gain=10.0,
        antialias=False,
    )
    objective = Objective(
        pixel=10.0, face_pixel=10.0, face_square=100.0, warp_pixel=3.0, features="none", adversary="none"
    )
    config = settings.run("gdpw", steps=1500, batch_size=8)
    config.update(
        gdpw.entries(
            design,
            objective,
            DataSettings(),
            gdpw.OptimizerSettings(learning_rate=6e-4, b1=0.5, cosine=True, warm_steps=50),
        )
    )
    config.threads = 1
    return config
