"""PDF by Typst, which comes as a package: no program and no typeface of the machine takes part.

The template is ours; everything else reaches it as data and is set as text, so that no text can be taken for markup.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from threading import Lock

import typst

FOLDER = Path(__file__).parent
# To be kept for ever (ISO 19005-2, level A) and read by everybody (ISO 14289-1).
STANDARDS: list[typst.PDFStandard] = ["a-2a", "ua-1"]


class TypstPress:
    """Implements `application.audit_export.Press`. One document at a time: each takes a core and much memory."""

    def __init__(self) -> None:
        self._fonts = typst.Fonts(include_system_fonts=False)
        self._one = Lock()

    def pdf(self, template: str, content: str, at: datetime) -> bytes:
        """`content`: JSON, for the template; `at`: when the document says it was made, to the second. The same
        input gives the same bytes. Raises typst.TypstError, which is a fault of the template."""
        with self._one:
            compiler = typst.Compiler(
                (FOLDER / f"{template}.typ").read_bytes(),
                font_paths=self._fonts,
                ignore_system_fonts=True,
                sys_inputs={"content": content},
            )
            made = compiler.compile(format="pdf", pdf_standards=STANDARDS, timestamp=at.replace(microsecond=0))
        assert isinstance(made, bytes)  # a PDF is one file
        return made
