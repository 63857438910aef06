"""Plate readers (ALPR): a provider over HTTP, and hits out of CSV files."""

from adapters.alpr.csv_hits import read_hits
from adapters.alpr.provider import HttpPlateProvider

__all__ = ["HttpPlateProvider", "read_hits"]
