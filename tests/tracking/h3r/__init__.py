"""Tests of H3R."""
