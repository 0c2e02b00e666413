"""Reading and writing network weights: foreign formats without running code, name tables, our own files."""
