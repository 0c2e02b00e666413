"""Tests of jaxanim.losses."""
