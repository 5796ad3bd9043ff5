"""Compares two .npy files; exit 1 when they differ by more than is allowed, or hold a NaN or an infinity.

usage: compare.py ACTUAL.npy EXPECTED.npy [--rel 1e-3 | --atol A --rtol R]
`--rel` allows that share of the largest expected magnitude; `--atol`/`--rtol` allow A + R * |expected| per element.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

REL = 1e-3


def difference(
    actual: npt.NDArray[np.float32],
    expected: npt.NDArray[np.float32],
    rel: float = REL,
    tolerance: tuple[float, float] | None = None,
) -> tuple[bool, str]:
    """Whether the arrays agree, and one line that says how well. `tolerance` is (atol, rtol) and replaces `rel`."""
    if actual.shape != expected.shape:
        return False, f"shape {actual.shape}, expected {expected.shape}"
    if expected.size == 0:
        return True, "both empty"
    # Infinities agree only with themselves: an overflow must not pass as a large number.
    finite = np.isfinite(expected)
    if not np.array_equal(actual[~finite], expected[~finite], equal_nan=True) or not np.isfinite(actual[finite]).all():
        return False, "a NaN or an infinity where none is expected, or the reverse"
    error = np.abs(actual[finite].astype(np.float64) - expected[finite])
    magnitude = np.abs(expected[finite].astype(np.float64))
    largest = float(magnitude.max(initial=0.0))
    allowed = rel * largest if tolerance is None else tolerance[0] + tolerance[1] * magnitude
    worst = float(error.max(initial=0.0))
    line = f"largest error {worst:.3g}, {worst / largest if largest else worst:.2g} of the largest output {largest:.4g}"
    return bool((error <= allowed).all()), line


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("actual", type=Path)
    parser.add_argument("expected", type=Path)
    parser.add_argument("--rel", type=float, default=REL)
    parser.add_argument("--atol", type=float)
    parser.add_argument("--rtol", type=float)
    arguments = parser.parse_args()
    tolerance = None
    if arguments.atol is not None or arguments.rtol is not None:
        tolerance = (arguments.atol or 0.0, arguments.rtol or 0.0)
    agree, line = difference(np.load(arguments.actual), np.load(arguments.expected), arguments.rel, tolerance)
    print(f"{'agree' if agree else 'DIFFER'}: {line}")
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
