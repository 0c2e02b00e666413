"""Tests of jaxanim.tracking."""
