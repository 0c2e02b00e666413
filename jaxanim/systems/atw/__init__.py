"""Animating Through Warping: faces driven by expressions or action units, at the resolution of the photo."""

from jaxanim.systems.atw.objectives import ATW_OFFICIAL, ATW_PAPER, Batch, Objective
from jaxanim.systems.atw.presets import Design
from jaxanim.systems.atw.system import Atw, AtwCode, AtwFrame

__all__ = ["ATW_OFFICIAL", "ATW_PAPER", "Atw", "AtwCode", "AtwFrame", "Batch", "Design", "Objective"]
