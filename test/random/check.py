"""One graph compiled and run by ait in one way, and the verdict of ONNX Runtime on it."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

import ait
import compare
import reference
from graph import Graph
from link import MODEL, Linker

LAYOUTS = ("nhwc", "cnhw", "auto")
VLENS = (128, 256, 512, 1024)
THREADS = (1, 3)
CORES = tuple((vlen, threads) for vlen in VLENS for threads in THREADS)
# How sparse, and what ait is told: the pruned file alone, that with the manifest, or the dense file with the configuration
# or the flags. The flags leave stems, depthwise convolutions and fully connected layers dense, the configuration does not.
AMOUNTS = ("sparsity = 0.5", 'nm = "2:4"', "sparsity = 0.75", "sparsity = 0.25", 'nm = "1:4"')
SPARSE = tuple((amount, told) for amount in AMOUNTS for told in ("file", "config", "masks", "flags"))
EVERY_LAYER = '[[layer]]\nname = "*"\nprune = true\n'

# An output may differ by REL of its largest magnitude. Where large values cancelled, float32 has no such answer: by
# ROUNDING of the largest value of the graph.
REL, ROUNDING = 1e-3, 1e-6
# What `ait prune` says of a graph without such layers.
NOTHING_TO_PRUNE = ("nothing is to be pruned", "matches none of the 0 layers")
PRUNED, CONFIG, MASKS = "pruned.onnx", "prune.toml", "masks.safetensors"

# How a failure of `ait prune` begins.
PRUNE = "ait prune: "

PASS, FAIL, REFUSED = "pass", "FAIL", "refused"


@dataclass(frozen=True)
class Way:
    """How a graph is compiled and on what it runs."""

    layout: str
    vlen: int
    threads: int
    amount: str = ""
    told: str = ""

    def __str__(self) -> str:
        pruned = f" {self.amount} from {self.told}" if self.amount else ""
        return f"{self.layout} vlen {self.vlen} threads {self.threads}{pruned}"

    def pruning(self, folder: Path) -> list[str]:
        """Options of `ait prune`."""
        key, value = self.amount.split(" = ")
        flag = f"--{key}={value.strip(chr(34))}"
        return [flag if self.told == "flags" else f"--config={folder / CONFIG}", f"--masks={folder / MASKS}"]

    def sparsity(self, folder: Path) -> list[str]:
        """Options of `ait compile` that tell of the zeros."""
        match self.told:
            case "flags":
                return self.pruning(folder)[:1]
            case "config":
                return [f"--prune-config={folder / CONFIG}"]
            case "masks":
                return [f"--masks={folder / MASKS}"]
            case _:
                return []

    def is_told_dense(self) -> bool:
        """Whether ait gets the dense file."""
        return self.told in ("config", "flags")

    def machine(self) -> tuple[str, ...]:
        """Options of `ait run`."""
        return (f"--vlen={self.vlen}", f"--threads={self.threads}", "--poison")


@dataclass(frozen=True)
class Verdict:
    """What came of a way, and a line on it."""

    kind: str
    line: str = ""
    is_pruned: bool = False


def ways(index: int) -> list[Way]:
    """The ways of a graph: all layouts; machines and sparsities in turn, every other graph is dense."""
    amount, told = SPARSE[index // 2 % len(SPARSE)] if index % 2 else ("", "")
    cores = [CORES[(index + 3 * at) % len(CORES)] for at in range(len(LAYOUTS))]
    return [Way(layout, *core, amount, told) for layout, core in zip(LAYOUTS, cores)]


class Files:
    """A graph as a file, pruned in one way, and what ONNX Runtime makes of it."""

    def __init__(self, graph: Graph, way: Way, folder: Path) -> None:
        """Raises ait.Refused or ait.Crashed."""
        self.graph, self.folder, self.dense = graph, folder, folder / "model.onnx"
        onnx.save(graph.model(), self.dense)
        self.is_pruned = bool(way.amount) and self._prune(way)
        self.known = folder / PRUNED if self.is_pruned else self.dense
        self.expected = reference.run(reference.session(self.known), graph.feeds())

    def _prune(self, way: Way) -> bool:
        """`ait prune`; whether there is anything to prune."""
        (self.folder / CONFIG).write_text(f"{way.amount}\n{EVERY_LAYER}")
        try:
            ait.prune(self.dense, self.folder / PRUNED, *way.pruning(self.folder))
        except ait.Refused as refusal:
            if not any(reason in str(refusal) for reason in NOTHING_TO_PRUNE):
                raise
            return False
        return True

    def given(self, way: Way) -> tuple[Path, list[str]]:
        """The file to compile, and the options that tell of its zeros."""
        if not self.is_pruned:
            return self.dense, []
        return self.dense if way.is_told_dense() else self.known, way.sparsity(self.folder)


class Checker:
    """Compiles, links, runs and compares; knows what ait may refuse."""

    def __init__(self, linker: Linker, refusals: Path) -> None:
        self.linker = linker
        lines = [line for line in refusals.read_text().splitlines() if line.strip() and not line.startswith("#")]
        self.refusals = {part.strip(): reason.strip() for part, _, reason in (line.partition(" | ") for line in lines)}

    def verdicts(self, graph: Graph, ways: list[Way]) -> list[tuple[Way, Verdict]]:
        """Checks a graph in ways that prune it alike."""
        with tempfile.TemporaryDirectory(prefix="ait-random-") as folder:
            try:
                files = Files(graph, ways[0], Path(folder))
            except (ait.Refused, ait.Crashed, subprocess.TimeoutExpired) as error:
                return [(ways[0], Verdict(FAIL, f"{PRUNE}{error}"))]
            return [(way, self._verdict(files, way, Path(folder, way.layout))) for way in ways]

    def _verdict(self, files: Files, way: Way, out: Path) -> Verdict:
        model, told = files.given(way)
        try:
            ait.compile(model, out, f"--layout={way.layout}", f"--name={MODEL}", *told, emit="obj")
        except ait.Refused as refusal:
            return self._refused(str(refusal))
        except (ait.Crashed, subprocess.TimeoutExpired) as error:
            return Verdict(FAIL, str(error))
        self.linker.link(out)
        try:
            actual = ait.run(out, files.graph.feeds(), list(files.expected), *way.machine())
        except (ait.Refused, ait.Crashed, subprocess.TimeoutExpired) as error:
            return Verdict(FAIL, str(error))
        for name, expected in files.expected.items():
            allowed = max(REL * float(np.abs(expected).max()), ROUNDING * files.graph.largest())
            agree, line = compare.difference(actual[name], expected, tolerance=(allowed, 0.0))
            if not agree:
                return Verdict(FAIL, f"{name}: {line}")
        return Verdict(PASS, is_pruned=files.is_pruned)

    def _refused(self, message: str) -> Verdict:
        """A refusal by its reason; one that is not listed is a failure."""
        reason = next((reason for part, reason in self.refusals.items() if part in message), None)
        return Verdict(FAIL, f"refused: {message}") if reason is None else Verdict(REFUSED, reason)
