"""Cuts a failing graph down and saves it with what it needs to be seen again."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import ait
import check
from check import FAIL, Checker, Files, Verdict, Way
from graph import Graph
from link import CACHE

# Compilations that cutting down one graph may take.
MOST_TRIALS = 60


def save(checker: Checker, graph: Graph, way: Way, verdict: Verdict, name: str) -> Verdict:
    """The verdict with the place of the smaller graph."""
    small, line = _smallest(checker, graph, way, verdict.line)
    home = CACHE / "random" / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    _write(small, way, line, home)
    return Verdict(FAIL, f"{line}\n     {len(small.nodes)} of {len(graph.nodes)} nodes: {home}/run.sh")


def _smallest(checker: Checker, graph: Graph, way: Way, line: str) -> tuple[Graph, str]:
    """The smallest graph found that fails in the same way, and how it fails."""
    trials, candidates = 0, _smaller(graph)
    while trials < MOST_TRIALS and (candidate := next(candidates, None)) is not None:
        trials += 1
        [(_, verdict)] = checker.verdicts(candidate, [way])
        if verdict.kind == FAIL and _kind(verdict.line) == _kind(line):
            graph, line, candidates = candidate, verdict.line, _smaller(candidate)
    return graph, line


def _kind(line: str) -> str:
    """Failures of one kind have the same words before the first detail."""
    return next((word for word in (check.PRUNE, "refused", "exited", "timed out") if word in line), "wrong")


def _smaller(graph: Graph) -> Iterator[Graph]:
    """Graphs with less in them, the smallest first."""
    for position in range(len(graph.nodes)):
        # The value of a node alone, so that all that comes after it goes.
        for name in graph.nodes[position].outputs:
            if [name] != graph.outputs:
                cut = graph.copied()
                cut.outputs = [name]
                yield cut.trimmed()
    for node in graph.nodes:
        # A node's values as inputs, so that all that comes before goes.
        is_float = all(graph.values[name].dtype == np.float32 for name in node.outputs)
        if is_float and not set(node.outputs) & set(graph.outputs):
            cut = graph.copied()
            cut.nodes.remove(node)
            cut.inputs += node.outputs
            smaller = cut.trimmed()
            if smaller.nodes:
                yield smaller


def _write(graph: Graph, way: Way, line: str, home: Path) -> None:
    """The model, its inputs, and the commands that show how it fails."""
    with contextlib.suppress(ait.Refused, ait.Crashed):
        Files(graph, way, home)
    for name, value in graph.feeds().items():
        np.save(home / f"{name}.npy", value)
    is_pruned = (home / check.PRUNED).exists() or line.startswith(check.PRUNE)
    known = check.PRUNED if is_pruned else "model.onnx"
    told = way.sparsity(Path()) if is_pruned else []
    inputs = [f"--input={name}={name}.npy" for name in graph.inputs]
    outputs = [f"--output={name}=actual-{name}.npy" for name in graph.outputs]
    model = "model.onnx" if way.is_told_dense() else known
    commands = [["ait", "prune", "model.onnx", "-o", known, *way.pruning(Path())]] if is_pruned else []
    commands.append(["ait", "run", model, f"--layout={way.layout}", *told, *way.machine(), *inputs, *outputs])
    commands.append(["python", f"{ait.REPO}/test/oracle/reference.py", known, "--out=expected", *inputs])
    for name in graph.outputs:
        commands.append(["python", f"{ait.REPO}/test/oracle/compare.py", f"actual-{name}.npy", f"expected/{name}.npy"])
    head = ["#!/bin/sh", *(f"# {part}" for part in f"{way}: {line}".splitlines()), 'cd "$(dirname "$0")" || exit']
    (home / "run.sh").write_text("\n".join([*head, *map(shlex.join, commands)]) + "\n")
