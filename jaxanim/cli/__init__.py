"""The `jaxanim` command: one file per subcommand."""
