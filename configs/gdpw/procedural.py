"""GDPW of 256 pixels on drawn people, on the open head: the released sizes, without any download.

    python -m launch.train --config configs/gdpw/procedural.py --workdir DIR

For accelerators: a step of the 142 million parameters takes minutes on a CPU. `small.py` is for those. Drawing the
48,000 pictures, in the working folder, takes two cores some twenty minutes.
"""

import ml_collections

from jaxanim.systems.gdpw.objectives import Objective
from jaxanim.systems.gdpw.presets import Design
from launch import settings
from launch.jobs import gdpw
from launch.jobs.gdpw_data import DataSettings

OPEN_HEAD_VERTICES = 6128


def open_head_design() -> Design:
    """Returns the released sizes on the mesh of the open head, on a grid without the half pixel."""
    return Design("both", OPEN_HEAD_VERTICES, exact_grid=True)


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    config = settings.run("gdpw", steps=100_000, batch_size=16)
    config.update(
        gdpw.entries(
            open_head_design(),
            Objective(features="random"),
            DataSettings(count=4000),
            gdpw.OptimizerSettings(drops=(60_000, 85_000)),
        )
    )
    return config
