"""Tests of the rasteriser: every implementation against the numpy loop that defines it, to the bit."""
