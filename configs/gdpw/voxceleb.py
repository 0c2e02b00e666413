"""GDPW on films of people, on the open head: the released sizes without a file of FLAME.

    jaxanim fit VOX -o FITS
    python -m data_pipelines.build fitted_heads --source VOX --fits FITS --data-dir DATA --size 256
    python -m launch.train --config configs/gdpw/voxceleb.py --config.data.folder=DATA --workdir DIR

Perceptual terms compare features of a VGG-19 with random weights, which no download is needed for. Pictures get better
with trained ones: `--config.objective.features=vgg19 --config.features_from=vgg19.pth`.
"""

import ml_collections

from configs.gdpw.procedural import open_head_design
from jaxanim.systems.gdpw.objectives import Objective
from launch import settings
from launch.jobs import gdpw
from launch.jobs.gdpw_data import DataSettings


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    config = settings.run("gdpw", steps=270_000, batch_size=16)
    config.update(
        gdpw.entries(
            open_head_design(),
            Objective(features="random"),
            DataSettings(kind="fitted_heads", folder="DATA"),
            gdpw.OptimizerSettings(drops=(80_000, 160_000)),
        )
    )
    return config
