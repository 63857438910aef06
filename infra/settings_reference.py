"""The reference of every setting as a Markdown table: `python -m infra.settings_reference`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from pydantic.fields import FieldInfo

from api.settings import Settings


def _default(field: FieldInfo) -> str:
    match field.default:
        case None | "":
            return ""
        case Enum() as value:
            return f"`{value.value}`"
        case str() | int() | Path() as value:
            return f"`{value}`"
        case _:
            return ""


def table() -> str:
    """A row for each setting, in the order of the class."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for field in Settings.model_fields.values():
        description = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{field.alias}` | {_default(field)} | {description} |")
    rows.append("| `SAFERWEHO_SECRETS_DIR` | | Folder of files named like settings, for secrets that are mounted. |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
