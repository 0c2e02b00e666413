"""Tests of PIPNet."""
