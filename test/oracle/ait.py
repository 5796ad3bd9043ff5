"""Calls the `ait` command: compile a model to an executable, run it in QEMU, read its outputs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

import reference

Array = npt.NDArray[np.float32]
REPO = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("AIT", str(REPO / "target/debug/ait"))
TIMEOUT_S = 900


class Refused(Exception):
    """`ait` said no: exit code 1 and a message."""


class Crashed(Exception):
    """`ait` or the compiled program ended in any other way."""


def compile(model: Path, out: Path, *options: str, emit: str = "exe") -> None:
    """`ait compile model -o out --emit=exe options`."""
    _call("compile", str(model), "-o", str(out), f"--emit={emit}", *options)


def prune(model: Path, out: Path, *options: str) -> None:
    """`ait prune model -o out options`."""
    _call("prune", str(model), "-o", str(out), *options)


def run(out: Path, inputs: dict[str, Array], outputs: list[str], *options: str) -> dict[str, Array]:
    """Runs the executable that `compile` put into `out`; its outputs by name."""
    arguments = []
    for name, value in inputs.items():
        path = out / f"in-{reference.file_name(name)}"
        np.save(path, np.ascontiguousarray(value))
        arguments += ["--input", f"{name}={path}"]
    results = {name: out / f"out-{reference.file_name(name)}" for name in outputs}
    for name, path in results.items():
        arguments += ["--output", f"{name}={path}"]
    _call("run", str(out), *arguments, *options)
    return {name: np.load(path) for name, path in results.items()}


def _call(*arguments: str) -> None:
    """Runs `ait`; raises unless it exits with 0."""
    process = subprocess.run(
        (PROGRAM, *arguments), capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
    )
    message = process.stderr.strip() or process.stdout.strip()
    if process.returncode == 1 and message and "panicked at" not in message:
        raise Refused(message)
    if process.returncode != 0:
        raise Crashed(f"ait {arguments[0]} exited with {process.returncode}: {message[-2000:]}")
