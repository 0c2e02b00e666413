"""A small refiner: landmarks and expression of drawn people, looked at closely; for a CPU.

    python -m launch.train --config configs/tracking/refiner.py --workdir DIR

Pictures are turned, scaled and shifted as the regressor's landmarks are off; some of them look as its training makes
pictures look. They are bent little: what bends a face is in the landmarks, but no expression. Fine landmarks want large
pictures; the bundled refiner learned, in the end, from

    python -m data_pipelines.build snapshots --data-dir DATA --count 1300 --pictures 12 --wide 0.3 --seed 5 --size 256

with `--config.data.folder=DATA`.
"""

import ml_collections

from jaxanim.data import face_augment
from jaxanim.tracking.refiner import design, objectives
from launch import settings
from launch.jobs import one_network, refiner


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    config = settings.run("refiner", steps=8000, batch_size=32)
    augment = face_augment.Settings(
        size=design.SMALL.size,
        view=0.72,
        turn_degrees=4.0,
        zoom=0.06,
        shift=0.025,
        stretch=0.02,
        bend=0.002,
        no_face=0.0,
        mouth=0.2,
        eyes=0.08,
        eye_tilt=12.0,
        looks=0.4,
    )
    optimizer = one_network.OptimizerSettings(learning_rate=2e-3, warm_steps=200, average_decay=0.998)
    config.update(refiner.entries(design.SMALL, objectives.Objective(expression=600.0), augment, optimizer=optimizer))
    config.threads = 1
    return config
