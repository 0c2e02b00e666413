"""A small regressor of the open head with a landmark decoder, for a CPU: drawn people, made to look like many things.

python -m launch.train --config configs/tracking/small.py --workdir DIR
"""

import ml_collections

from jaxanim.data import face_augment
from jaxanim.tracking.regressor import design, objectives
from launch import settings
from launch.jobs import one_network, regressor


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    config = settings.run("regressor", steps=4500, batch_size=32)
    optimizer = one_network.OptimizerSettings(learning_rate=2e-3, warm_steps=200, average_decay=0.995)
    augment = face_augment.Settings(bend=0.02, stretch=0.1, eyes=0.75)
    config.update(
        regressor.entries(design.OPEN_HEAD_SMALL, objectives.WITH_DECODER, augment=augment, optimizer=optimizer)
    )
    config.threads = 1
    return config
