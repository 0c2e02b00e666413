"""Tests of DECA."""
