"""ATW on drawn people, by action units: networks, losses and schedule as released for CelebA.

    python -m launch.train --config configs/atw/procedural.py --workdir DIR

For an accelerator: a step of the 9.5 million parameters takes seconds on a CPU. `small.py` is for those.
"""

import ml_collections

from launch.jobs import atw
from launch.jobs.atw_data import DataSettings

PICTURES = 50_400  # nine of ten of 4000 groups of 14


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return atw.published("celeba-action-units", DataSettings(count=4000), pictures=PICTURES)
