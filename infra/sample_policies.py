"""The two use policies that were on the table, as files to load: `python -m infra.sample_policies [--check]`.

Each of `docs/policies/` is what `bootstrap propose` takes into a founding file and `draftPolicy` as its parameters.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from application.codec import to_builtins
from domain.policy import RECORD_ALL_KEEP_30_DAYS, RECORD_ON_APPROVAL_KEEP_2_YEARS

FOLDER = Path(__file__).parents[1] / "docs" / "policies"
SAMPLES = {
    "city-record-all-keep-30-days.json": (
        "As the city planned the pilot: every mission is recorded from its arrival, routine footage is kept 30 days",
        RECORD_ALL_KEEP_30_DAYS,
    ),
    "lasd-record-on-approval-keep-2-years.json": (
        "As LASD 570.10 says: no recording by default, sergeant or captain approves it, footage is kept 2 years",
        RECORD_ON_APPROVAL_KEEP_2_YEARS,
    ),
}


def content(name: str) -> str:
    summary, parameters = SAMPLES[name]
    return json.dumps({"summary": summary, "parameters": to_builtins(parameters)}, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    stale = [name for name in SAMPLES if not (FOLDER / name).exists() or (FOLDER / name).read_text() != content(name)]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/policies/{name} is not what the code says. Run: python -m infra.sample_policies")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(content(name), encoding="utf-8")
    print(f"{len(stale)} files changed in docs/policies/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
