"""Builds read models out of the log: in order, effectively once, rebuildable beside the live version."""
