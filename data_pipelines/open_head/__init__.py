"""The open head: a morphable face model computed from formulas, so that anyone may use and change it.

Lengths are in units of 95 mm with the origin between the eyes' height and the middle of the skull, x to the picture's
right (the person's left), y up, z towards the camera. `model.py` turns them into metres.
"""
