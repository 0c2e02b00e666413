"""Refiners: a second, closer look at a face whose landmarks are about known."""
