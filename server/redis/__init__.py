"""Redis: limits that all nodes share, and who is online on any of them."""
