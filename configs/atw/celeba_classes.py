"""ATW on CelebA, by whether somebody smiles.

python -m data_pipelines.build celeba --source CELEBA --data-dir DATA --size 128
python -m launch.train --config configs/atw/celeba_classes.py --config.data.folder=DATA --workdir DIR

The networks, losses and rates are the released ones.
"""

import ml_collections

from launch.jobs import atw
from launch.jobs.atw_data import DataSettings

PICTURES = 162_770  # of the official split


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return atw.published("celeba-classes", DataSettings(kind="celeba", folder="DATA"), pictures=PICTURES)
