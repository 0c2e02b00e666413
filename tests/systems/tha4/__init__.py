"""Tests of jaxanim.systems.tha4."""
