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
from concurrent.futures import ThreadPoolExecutor
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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first graph")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()
    counts, reasons, rows, pruned = Counter(), Counter(), Counter(), 0
    indices = range(arguments.first, arguments.first + arguments.graphs)
    with ThreadPoolExecutor(arguments.jobs) as pool, tempfile.TemporaryDirectory(prefix="ait-random-") as folder:
        checker = Checker(Linker(Path(folder)), HERE / "refusals.txt")
        checks = pool.map(lambda index: check(checker, arguments.seed, index), indices)
        for index, (drawn, results) in zip(indices, checks):
            rows.update(drawn)
            for way, verdict in results:
                counts[verdict.kind] += 1
                pruned += verdict.is_pruned
                if verdict.kind == REFUSED:
                    reasons[verdict.line] += 1
                if verdict.kind == FAIL:
                    print(f"{FAIL} graph {index} of seed {arguments.seed}, {way}: {verdict.line}", flush=True)
    runs = counts.total()
    print(f"{len(indices)} graphs of seed {arguments.seed}, {runs} runs, {pruned} of them pruned")
    for reason, count in reasons.most_common():
        print(f"refused {count} of {runs}: {reason}")
    if counts[REFUSED] > MOST_REFUSED * runs:
        print(f"{FAIL} {counts[REFUSED]} of {runs} are refused, more than {MOST_REFUSED:.0%}")
        counts[FAIL] += 1
    missing = [row.name for row in ROWS if not rows[row.name]]
    if missing and len(indices) >= ENOUGH:
        print(f"{FAIL} no graph has {', '.join(missing)}")
        counts[FAIL] += 1
    print(f"{counts[PASS]} passed, {counts[FAIL]} failed, {counts[REFUSED]} skipped")
    sys.exit(1 if counts[FAIL] or not counts[PASS] else 0)


if __name__ == "__main__":
    main()
