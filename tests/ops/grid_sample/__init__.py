"""Tests of the bilinear warp: one contract that every implementation passes."""
