"""The card of a weights file: what it is, where it is from, and under which licence."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Card:
    """What a weights file says of itself.

    Attributes:
      system: which system it belongs to ('tha4-student', 'tha4', 'deca').
      name: of the character or model.
      licence: under which it was received; printed by every command that reads the file.
      source: where the numbers come from.
      notes: how they were made and measured, as free names and values.
    """

    system: str
    name: str
    licence: str
    source: str
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)
