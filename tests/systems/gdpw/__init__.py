"""Tests of GDPW's front end."""
