"""Talking Head Anime 4: one anime character from one picture, by the full system or by distilled students."""

from jaxanim.systems.tha4.student import Student, StudentCode, StudentFrame
from jaxanim.systems.tha4.system import FullCode, FullFrame, FullSystem

__all__ = ["FullCode", "FullFrame", "FullSystem", "Student", "StudentCode", "StudentFrame"]
