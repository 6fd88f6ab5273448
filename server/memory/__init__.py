"""Adapters in memory: for simulation, and for what one process keeps for itself."""
