"""The load generator: a C program, and how to build it."""
