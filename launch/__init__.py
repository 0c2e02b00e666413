"""Entry points that are run from a checkout."""
