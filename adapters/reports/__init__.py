"""Documents on paper, set by Typst from a template of this folder."""

from adapters.reports.typesetting import TypstPress

__all__ = ["TypstPress"]
