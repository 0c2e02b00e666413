"""Tests of the benchmarks: that they compare what is equal."""
