"""Poses of drones on their way from the gateway to whoever records or shows their pictures."""
