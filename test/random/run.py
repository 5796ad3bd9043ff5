"""Random graphs: compiled by ait in every layout, run in QEMU, compared with ONNX Runtime.

usage: run.py [--graphs N] [--seed S] [--first I] [--jobs J]      The closing line is `N passed, N failed, N skipped`.
A graph is the same for the same seed and number. Each is compiled in three layouts, runs on machines taken in turn
(VLEN 128 to 1024, one and three threads) with poisoned buffers, and every other one is pruned. ait may refuse what
refusals.txt lists, and at most MOST_REFUSED of all. What fails is cut down to few nodes and saved.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))

import ait  # noqa: E402
import draw  # noqa: E402
import elementwise  # noqa: E402
import movement  # noqa: E402
import shrink  # noqa: E402
import windows  # noqa: E402
from check import FAIL, PASS, REFUSED, Checker, Verdict, Way, ways  # noqa: E402
from link import Linker  # noqa: E402

ROWS = (*windows.ROWS, *elementwise.ROWS, *movement.ROWS)
MOST_REFUSED = 0.1
# So many graphs have every row.
ENOUGH = 300
# Seconds: a graph of twelve small ops takes one or two.
ait.TIMEOUT_S = 120


def check(checker: Checker, seed: int, index: int) -> tuple[list[str], list[tuple[Way, Verdict]]]:
    """The rows of one graph, and all its ways; the lines of failures name what was saved of them."""
    graph = draw.graph(seed, index, ROWS)
    results = []
    for way, verdict in checker.verdicts(graph, ways(index)):
        if verdict.kind == FAIL:
            verdict = shrink.save(checker, graph, way, verdict, f"{seed}-{index}-{way.layout}")
        results.append((way, verdict))
    return graph.rows, results


@dataclass
class Tally:
    """What came of all graphs."""

    seed: int
    graphs: int = 0
    pruned: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)

    def add(self, index: int, rows: list[str], results: list[tuple[Way, Verdict]]) -> None:
        """Counts a graph, and prints its failures."""
        self.graphs += 1
        self.rows.update(rows)
        for way, verdict in results:
            self.kinds[verdict.kind] += 1
            self.pruned += verdict.is_pruned
            if verdict.kind == REFUSED:
                self.reasons[verdict.line] += 1
            if verdict.kind == FAIL:
                print(f"{FAIL} graph {index} of seed {self.seed}, {way}: {verdict.line}", flush=True)

    def faults(self) -> Iterator[str]:
        """What the graphs as a whole lack."""
        refused, runs = self.kinds[REFUSED], self.kinds.total()
        if refused > MOST_REFUSED * runs:
            yield f"{refused} of {runs} are refused, more than {MOST_REFUSED:.0%}"
        missing = [row.name for row in ROWS if not self.rows[row.name]]
        if missing and self.graphs >= ENOUGH:
            yield f"no graph has {', '.join(missing)}"

    def report(self) -> bool:
        """Prints the sum; whether all is well."""
        faults, runs = list(self.faults()), self.kinds.total()
        print(f"{self.graphs} graphs of seed {self.seed}, {runs} runs, {self.pruned} of them pruned")
        for reason, count in self.reasons.most_common():
            print(f"refused {count} of {runs}: {reason}")
        for fault in faults:
            print(f"{FAIL} {fault}")
        failed = self.kinds[FAIL] + len(faults)
        print(f"{self.kinds[PASS]} passed, {failed} failed, {self.kinds[REFUSED]} skipped")
        return failed == 0 and self.kinds[PASS] > 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first graph")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()
    tally, indices = Tally(arguments.seed), range(arguments.first, arguments.first + arguments.graphs)
    with ThreadPoolExecutor(arguments.jobs) as pool, tempfile.TemporaryDirectory(prefix="ait-random-") as folder:
        checker = Checker(Linker(Path(folder)), HERE / "refusals.txt")
        checks = pool.map(lambda index: check(checker, arguments.seed, index), indices)
        for index, (rows, results) in zip(indices, checks):
            tally.add(index, rows, results)
    sys.exit(0 if tally.report() else 1)


if __name__ == "__main__":
    main()
