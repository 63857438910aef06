"""Builds read models out of the log: in the order of positions, effectively once, rebuildable beside the live version."""
