"""Flax Linen blocks. Layout NHWC; parameter names are the checkpoint format; no losses, no I/O, no configuration objects."""
