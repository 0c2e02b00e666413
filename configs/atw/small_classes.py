"""A small ATW driven by eight emotions, for a CPU; it goes on from a model of action units.

python -m launch.classes_from_units units.safetensors -o classes.safetensors
python -m launch.train --config configs/atw/small_classes.py --config.start_from=classes.safetensors --workdir DIR
"""

import ml_collections

from configs.atw import small
from data_pipelines.procedural_faces.expressions import EMOTIONS


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    config = small.get_config()
    config.steps = 400
    config.design.update({"drive": "classes", "drives": len(EMOTIONS), "drive_scale": 1.0, "labels": tuple(EMOTIONS)})
    config.optimizer.learning_rate = 2e-4
    config.optimizer.decay_from = 0.1
    return config
