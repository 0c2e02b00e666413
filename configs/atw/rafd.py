"""ATW on the Radboud Faces Database, by its eight expressions, as released.

python -m data_pipelines.build rafd --source RAFD --data-dir DATA --size 128 --frontal
python -m launch.train --config configs/atw/rafd.py --config.data.folder=DATA --workdir DIR
"""

import ml_collections

from launch.jobs import atw
from launch.jobs.atw_data import DataSettings

PICTURES = 1447  # nine of ten of the 1608 frontal ones


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return atw.published("rafd", DataSettings(kind="rafd", folder="DATA"), pictures=PICTURES)
