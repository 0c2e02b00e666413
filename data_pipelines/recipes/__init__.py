"""How raw datasets become records: one module for each layout in which people have them on disk."""
