"""Compares a file with its golden file in the repository: golden.py ACTUAL GOLDEN. With BLESS=1 it rewrites GOLDEN."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path


def main() -> None:
    """The command line; exit 1 with a unified diff when the files differ."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    actual, golden = (Path(argument) for argument in sys.argv[1:])
    text = actual.read_text()
    if os.environ.get("BLESS") == "1":
        golden.write_text(text)
        return
    expected = golden.read_text() if golden.exists() else ""
    if text == expected:
        return
    diff = difflib.unified_diff(expected.splitlines(True), text.splitlines(True), str(golden), str(actual))
    sys.stderr.writelines(diff)
    sys.exit(f"{golden} differs; if that is meant, run `make bless` and read the diff")


if __name__ == "__main__":
    main()
