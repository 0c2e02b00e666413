"""Flax Linen blocks, NHWC. Parameter names are the checkpoint format; no losses, no I/O, no configuration."""
