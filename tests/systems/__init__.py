"""Tests of jaxanim.systems."""
