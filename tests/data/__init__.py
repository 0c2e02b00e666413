"""Tests of jaxanim.data."""
