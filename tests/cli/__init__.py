"""Tests of the `jaxanim` command."""
