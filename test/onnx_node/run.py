"""The ONNX node tests: compiled by ait in both layouts, run in QEMU, compared with the expected outputs.

usage: run.py [PATTERN ...] [--jobs N]      default: all. The closing line is `N passed, N failed, N skipped`.
skip.txt has a line `pattern: reason` for what ait does not do. Those cases are compiled too: `ait` must refuse
them with an error; that it compiles one, or that a pattern matches nothing, is a failure.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))

import onnx  # noqa: E402

import ait  # noqa: E402
import compare  # noqa: E402
from cases import Case, collect  # noqa: E402

# One VLEN each is enough here: the kernels' own tests and the networks cover the others.
LAYOUTS = {"nhwc": 256, "cnhw": 128}
PASS, FAIL, SKIP = "pass", "FAIL", "skip"


def read_skips(path: Path) -> dict[str, str]:
    """Reasons by pattern."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {pattern.strip(): reason.strip() for pattern, _, reason in (line.partition(":") for line in lines)}


def check(case: Case, layout: str, skipped: bool) -> tuple[str, str]:
    """Compiles and runs one case; the verdict and a line on it."""
    with tempfile.TemporaryDirectory(prefix="ait-node-") as folder:
        model, out = Path(folder, "model.onnx"), Path(folder, "out")
        onnx.save(case.model, model)
        try:
            ait.compile(model, out, f"--layout={layout}")
        except ait.Refused as refusal:
            return (SKIP if skipped else FAIL), str(refusal)
        except ait.Crashed as crash:
            return FAIL, str(crash)
        if skipped:
            return FAIL, "is in skip.txt, but compiles: take it out"
        try:
            actual = ait.run(out, case.inputs, list(case.outputs), f"--vlen={LAYOUTS[layout]}", "--threads=1")
        except (ait.Refused, ait.Crashed) as error:
            return FAIL, str(error)
        for name, expected in case.outputs.items():
            agree, line = compare.difference(actual[name], expected, tolerance=(case.atol, case.rtol))
            if not agree:
                return FAIL, f"{name}: {line}"
    return PASS, ""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", default=["*"], metavar="PATTERN")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()
    skips = read_skips(HERE / "skip.txt")
    everything = collect()
    counts = {PASS: 0, FAIL: 0, SKIP: 0}
    for pattern in skips:
        if not any(fnmatch(case.name, pattern) for case in everything):
            print(f"{FAIL} skip.txt: {pattern} matches no case")
            counts[FAIL] += 1
    chosen = [case for case in everything if any(fnmatch(case.name, pattern) for pattern in arguments.patterns)]
    work = [(case, layout) for case in chosen for layout in LAYOUTS]

    def one(item: tuple[Case, str]) -> tuple[str, str]:
        return check(*item, skipped=any(fnmatch(item[0].name, pattern) for pattern in skips))

    with ThreadPoolExecutor(arguments.jobs) as pool:
        for (case, layout), (verdict, line) in zip(work, pool.map(one, work)):
            counts[verdict] += 1
            if verdict == FAIL:
                print(f"{verdict} {case.name} {layout}: {line}", flush=True)
    print(f"{counts[PASS]} passed, {counts[FAIL]} failed, {counts[SKIP]} skipped")
    sys.exit(1 if counts[FAIL] or not counts[PASS] else 0)


if __name__ == "__main__":
    main()
