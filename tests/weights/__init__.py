"""Tests of jaxanim.weights."""
