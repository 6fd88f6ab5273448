"""Redis: limits that all nodes share."""
