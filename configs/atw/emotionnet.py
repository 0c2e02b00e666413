"""ATW on EmotioNet, by 26 classes of expressions: one folder of pictures for each class.

python -m data_pipelines.build image_folder --source EMOTIONNET --data-dir DATA --size 128
python -m launch.train --config configs/atw/emotionnet.py --config.data.folder=DATA --workdir DIR

The networks, losses and rates are the released ones.
"""

import ml_collections

from launch.jobs import atw
from launch.jobs.atw_data import DataSettings

PICTURES = 2_000  # assumed, the count is not published: set --config.steps to 30 times that of your pictures


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return atw.published("emotionnet", DataSettings(kind="class_folders", folder="DATA"), pictures=PICTURES)
