"""A photo moved by a morphable head's displacements alone; nothing is learned."""

from jaxanim.systems.geometric.system import Geometric, GeometricCode, GeometricFrame, for_open_head

__all__ = ["Geometric", "GeometricCode", "GeometricFrame", "for_open_head"]
