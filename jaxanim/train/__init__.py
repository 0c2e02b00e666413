"""Training: phases to a step, state, mesh, checkpoints, metrics, the loop. Knows no method and reads no data."""

from jaxanim.train.averages import Averages
from jaxanim.train.checkpoint import Checkpoints, Restored
from jaxanim.train.hosts import HostLostError, end_together, join
from jaxanim.train.loop import NotFiniteError, Run, Schedule, train
from jaxanim.train.mesh import batch_sharding, born_sharded, make_mesh, replicated
from jaxanim.train.metrics import Writers, open_writers
from jaxanim.train.state import TrainState, new_state
from jaxanim.train.step import Inputs, data_of_phase, make_train_step
from jaxanim.train.stopper import Stopper

__all__ = [
    "Averages",
    "Checkpoints",
    "HostLostError",
    "Inputs",
    "NotFiniteError",
    "Restored",
    "Run",
    "Schedule",
    "Stopper",
    "TrainState",
    "Writers",
    "batch_sharding",
    "born_sharded",
    "data_of_phase",
    "end_together",
    "join",
    "make_mesh",
    "make_train_step",
    "new_state",
    "open_writers",
    "replicated",
    "train",
]
