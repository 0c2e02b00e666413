"""GDPW's configurations."""
