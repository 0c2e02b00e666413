"""Input pipelines: sources of records, the order in which they are read, augmentation, batches on a mesh."""

from jaxanim.data.contract import Contract, ContractError, Field, check_batch
from jaxanim.data.loader import Batches, Loader
from jaxanim.data.placement import host_rows, place
from jaxanim.data.source import CorruptRecordError, Source, TooManyCorruptRecordsError

__all__ = [
    "Batches",
    "Contract",
    "ContractError",
    "CorruptRecordError",
    "Field",
    "Loader",
    "Source",
    "TooManyCorruptRecordsError",
    "check_batch",
    "host_rows",
    "place",
]
