"""GDPW as released: neural codes on FLAME, least squares, VGG-19, one rate for all steps.

    python -m data_pipelines.build gdpw_official --source VOX --data-dir DATA
    python -m launch.train --config configs/gdpw/official.py --config.data.folder=DATA \
        --config.model=generic_model.pkl --config.features_from=vgg19.pth --workdir DIR

Without FLAME's file and torchvision's VGG-19 the run is refused. `--config.design.guidance=both` or `geom_disp` are the
other two released networks. The released code has no last step; the paper has 270,000.
"""

import ml_collections

from jaxanim.systems.gdpw.objectives import OFFICIAL, Objective
from jaxanim.systems.gdpw.presets import RELEASED
from launch import settings
from launch.jobs import gdpw
from launch.jobs.gdpw_data import DataSettings

STEPS, BATCH = 270_000, 16


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return on_flame(OFFICIAL, gdpw.OptimizerSettings())


def on_flame(objective: Objective, optimizer: gdpw.OptimizerSettings) -> ml_collections.ConfigDict:
    """Returns the settings of the released networks on the authors' own data."""
    config = settings.run("gdpw", steps=STEPS, batch_size=BATCH)
    data = DataSettings(kind="posed_meshes", folder="DATA", flip=True)
    config.update(gdpw.entries(RELEASED["neural_codes"], objective, data, optimizer))
    return config
