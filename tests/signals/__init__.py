"""Tests of jaxanim.signals."""
