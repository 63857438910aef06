"""Inventories of cameras as files, and cameras on the network."""
