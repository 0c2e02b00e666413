"""Procedural anime characters: layered vector drawings with the 45 pose numbers of THA4 and exact appearance flow."""

from data_pipelines.procedural_anime.character import Sample, render, render_pair
from data_pipelines.procedural_anime.design import HOUSE_CHARACTER, CharacterDesign, random_design

__all__ = ["HOUSE_CHARACTER", "CharacterDesign", "Sample", "random_design", "render", "render_pair"]
