"""GDPW as the paper says: hinge losses, rates of 2e-4, 2e-5 from step 80,000, 2e-6 from step 160,000 on.

    python -m data_pipelines.build gdpw_official --source VOX --data-dir DATA
    python -m launch.train --config configs/gdpw/paper.py --config.data.folder=DATA \
        --config.model=generic_model.pkl --config.features_from=vgg19.pth --workdir DIR

Networks, data and weights of the losses are those of `official.py`; the paper's text does not say the weights.
"""

import ml_collections

from configs.gdpw import official
from jaxanim.systems.gdpw.objectives import PAPER
from launch.jobs.gdpw import OptimizerSettings


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return official.on_flame(PAPER, OptimizerSettings(drops=(80_000, 160_000)))
