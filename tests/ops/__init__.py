"""Tests of jaxanim.ops."""
