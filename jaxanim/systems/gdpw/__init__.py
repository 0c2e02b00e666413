"""GDPW, Geometry Driven Progressive Warping: a face moved by a morphable model's displacements and neural codes."""
