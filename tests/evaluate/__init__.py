"""Tests of jaxanim.evaluate."""
