"""Every check of the project, in order; `make test` calls it.

usage: run.py [SECTION ...] [--graphs N] [--seed S]      default: all sections. The closing line is `N passed, N failed,
N skipped`. Later sections run when earlier ones fail, but nothing runs after a failed build.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
TARGET = REPO / "target"
LIT = Path("/usr/lib/llvm-22/bin/lit")
WORKERS = str(os.cpu_count() or 2)


@dataclass
class Counts:
    """How many checks of a section passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def call(*command: str, **environment: str) -> tuple[int, str]:
    """Runs a command, passing its output through; its exit code and output."""
    process = subprocess.Popen(
        command, cwd=REPO, env=os.environ | environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        print(line, end="", flush=True)
    return process.wait(), "".join(lines)


def single(*command: str, **environment: str) -> Counts:
    """A command that is one check."""
    code, _ = call(*command, **environment)
    return Counts(passed=1) if code == 0 else Counts(failed=1)


def counted(code: int, counts: Counts) -> Counts:
    """A runner that failed without counting a failure, or that ran nothing, has failed once."""
    silent = counts.failed == 0 and (code != 0 or counts.passed == 0)
    return counts + Counts(failed=1) if silent else counts


def total(text: str, word: str) -> int:
    """The sum of the numbers before `word`, one per summary line."""
    return sum(int(number) for number in re.findall(rf"(\d+) (?:{word})\b", text))


def fmt() -> Counts:
    """Formatting."""
    return single("cargo", "fmt", "--check")


def clippy() -> Counts:
    """Lints, warnings denied."""
    return single("cargo", "clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings")


def docs() -> Counts:
    """Documentation, warnings denied."""
    return single("cargo", "doc", "--quiet", "--no-deps", "--workspace", RUSTDOCFLAGS="-D warnings")


def rust() -> Counts:
    """The tests of the crates; they import the networks, which are made first."""
    made, _ = call(sys.executable, "test/oracle/models.py")
    if made != 0:
        return Counts(failed=1)
    if shutil.which("cargo-nextest"):
        runner = ("cargo", "nextest", "run", "--workspace", "--no-fail-fast", "--status-level", "slow")
    else:
        runner = ("cargo", "test", "--quiet", "--workspace", "--no-fail-fast")
    code, output = call(*runner, INSTA_UPDATE=os.environ.get("INSTA_UPDATE", "no"))
    summary = "\n".join(line for line in output.splitlines() if "Summary [" in line or "test result:" in line)
    return counted(code, Counts(*(total(summary, word) for word in ("passed", "failed", "skipped|ignored"))))


def lit() -> Counts:
    """Golden tests of every level with LLVM's lit and FileCheck."""
    report = TARGET / "lit.json"
    report.unlink(missing_ok=True)
    code, _ = call(str(LIT), "-sv", "-j", WORKERS, "-o", str(report), "test")
    codes = [test["code"] for test in json.loads(report.read_text())["tests"]] if report.exists() else []
    skipped = codes.count("UNSUPPORTED")
    passed = codes.count("PASS") + codes.count("XFAIL")
    return counted(code, Counts(passed, len(codes) - passed - skipped, skipped))


def script(*command: str) -> Counts:
    """A test script of ours, which ends with the closing line."""
    code, output = call(sys.executable, *command)
    summary = output.splitlines()[-1] if output else ""
    return counted(code, Counts(*(total(summary, word) for word in ("passed", "failed", "skipped"))))


def board() -> Counts:
    """The C runtime of the board in QEMU: operators, threads, files, docs/deploy.md."""
    code, output = call("test/runtime/run.sh")
    summary = output.splitlines()[-1] if output else ""
    return counted(code, Counts(*(total(summary, word) for word in ("passed", "failed", "skipped"))))


def networks() -> Counts:
    """Whole networks in QEMU against ONNX Runtime."""
    return script("test/pipeline/run.py")


def onnx_node() -> Counts:
    """The ONNX node tests in QEMU."""
    return script("test/onnx_node/run.py")


# What `make test N=... SEED=...` hands to the section of random graphs.
GRAPHS: list[str] = []


def random() -> Counts:
    """Random graphs in QEMU against ONNX Runtime."""
    return script("test/random/run.py", *GRAPHS)


SECTIONS: dict[str, Callable[[], Counts]] = {
    section.__name__: section for section in (fmt, clippy, docs, rust, lit, board, onnx_node, random, networks)
}
# Those that run `ait`.
NEED_BUILD = {"lit", "onnx_node", "random", "networks"}


def main() -> None:
    """The command line."""
    listing = "\n".join(f"  {name:10} {section.__doc__}" for name, section in SECTIONS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"sections:\n{listing}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", choices=[[], *SECTIONS])
    parser.add_argument("--graphs", metavar="N", help="how many graphs the section random has")
    parser.add_argument("--seed", metavar="S", help="what they are drawn from")
    arguments = parser.parse_args()
    chosen = arguments.sections or list(SECTIONS)
    GRAPHS.extend(f"--{name}={value}" for name in ("graphs", "seed") if (value := getattr(arguments, name)))
    if NEED_BUILD & set(chosen) and call("cargo", "build", "--quiet", "-p", "ait-tools", "-p", "ait-meter")[0] != 0:
        print("0 passed, 1 failed")
        sys.exit(1)
    result = Counts()
    for name in chosen:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        counts = SECTIONS[name]()
        print(f"== {name}: {counts} ({time.monotonic() - start:.0f} s)", flush=True)
        result += counts
    print(result)
    sys.exit(1 if result.failed or not result.passed else 0)


if __name__ == "__main__":
    main()
