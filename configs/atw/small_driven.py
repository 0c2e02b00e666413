"""The second training of the small ATW: discriminators learn action units, and the generator from them and the truth.

    python -m launch.train --config configs/atw/small_driven.py --config.start_from=units.safetensors --workdir DIR

It begins with what `small.py` has trained. Alone it drives better and leaves a pattern of dots on lips; the mean of
both trainings (`python -m launch.mean_of_networks`) has the drive without most of the dots.
"""

import ml_collections

from configs.atw import small


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    config = small.get_config()
    config.steps = 2000
    config.objective.update({"terms": ("drv", "pair", "warp"), "generator_every": 1, "drv": 1.0, "warp": 0.5})
    config.optimizer.critic_rate = 5e-4
    return config
