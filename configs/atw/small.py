"""A small ATW driven by action units, for a CPU: drawn people, who also show what the target looks like.

    python -m launch.train --config configs/atw/small.py --workdir DIR

Not as published: narrow networks, the drive shifts features, and the pair term says what is right.
"""

import ml_collections

from jaxanim.signals import action_units
from jaxanim.systems.atw import Design, Objective
from launch import settings
from launch.jobs import atw
from launch.jobs.atw_data import DataSettings


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    design = Design(
        "action units", 17, 32, 0.1, critic_width=32, drive_scale=0.5, labels=action_units.NAMES, modulate=True
    )
    config = settings.run("atw", steps=3700, batch_size=8)
    config.update(
        atw.entries(
            design,
            Objective(pair=10.0, terms=frozenset({"pair"})),
            DataSettings(paired=True),
            atw.OptimizerSettings(learning_rate=4e-4, decay_from=0.6, average_decay=0.99),
        )
    )
    config.threads = 1
    return config
