"""Masks burnt into decoded pictures."""

from adapters.masks.burning import Burner

__all__ = ["Burner"]
