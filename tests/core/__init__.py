"""Tests of jaxanim.core."""
