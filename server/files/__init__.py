"""Files: what comes in, what becomes of it, and where it is kept."""
