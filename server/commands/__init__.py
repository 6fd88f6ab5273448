"""One module for each subcommand of ``madang``."""
