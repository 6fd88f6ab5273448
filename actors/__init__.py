"""The deciding floor: actors, the kernel that runs them, and pure rules. Knows no vendor."""
