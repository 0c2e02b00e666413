"""ATW on CelebA, by 17 action units that OpenFace has measured.

FaceLandmarkImg -fdir CELEBA/img_align_celeba -out_dir CELEBA/openface -aus
python -m data_pipelines.build emotionet --labels openface --source CELEBA --data-dir DATA --size 128
python -m launch.train --config configs/atw/celeba_action_units.py --config.data.folder=DATA --workdir DIR

The networks, losses and rates are the released ones.
"""

import ml_collections

from launch.jobs import atw
from launch.jobs.atw_data import DataSettings

PICTURES = 182_000  # nine of ten of the 202,599


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return atw.published("celeba-action-units", DataSettings(kind="action_units", folder="DATA"), pictures=PICTURES)
