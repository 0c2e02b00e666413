"""Configurations of THA4."""
