"""Tests of GDPW."""
