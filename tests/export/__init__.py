"""Tests of jaxanim.export."""
