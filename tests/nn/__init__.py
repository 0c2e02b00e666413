"""Tests of jaxanim.nn."""
