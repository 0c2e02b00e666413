"""The character that ships with jaxanim, distilled on a CPU.

    python -m launch.distill_character --config configs/tha4/sora.py --workdir DIR

About 0.45 s a step on two quiet cores: 11,500 steps take an hour and a half. What came of it is on the character's
card (`jaxanim info`).
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Returns the settings of the run."""
    return ml_collections.ConfigDict(
        {
            "steps": 11_500,
            "seed": 0,
            "pool_size": 1000,  # rendered pairs kept in memory, 3.2 MB each
            "workers": 1,  # processes that render pairs
            "start_from": "",  # a character's file to go on from; "" starts anew
            "renew_every": 5,  # steps until one pair of the pool is replaced
        }
    )
