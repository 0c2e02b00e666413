"""Configurations: one `get_config()` per file."""
