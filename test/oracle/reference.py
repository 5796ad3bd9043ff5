"""Runs a model in ONNX Runtime: the independent answer that compiled code is compared with.

usage: reference.py MODEL.onnx --out DIR [--input [NAME=]X.npy]... [--seed N --batch N]
Each output is written as DIR/NAME.npy and printed. Inputs that are not given are seeded noise, and are written
beside the outputs as DIR/NAME.npy. File names are ONNX names with all but letters, digits, `_.-` made `_`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

Array = npt.NDArray[np.float32]


def session(model: Path) -> onnxruntime.InferenceSession:
    """A deterministic one-threaded session without graph rewrites."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def random_inputs(runner: onnxruntime.InferenceSession, batch: int, seed: int) -> dict[str, Array]:
    """Standard normal float32 inputs by name; symbolic dimensions become `batch`."""
    generator = np.random.default_rng(seed)
    return {
        value.name: generator.standard_normal(
            [extent if isinstance(extent, int) else batch for extent in value.shape], dtype=np.float32
        )
        for value in runner.get_inputs()
    }


def run(runner: onnxruntime.InferenceSession, inputs: dict[str, Array]) -> dict[str, Array]:
    """The outputs by name."""
    names = [value.name for value in runner.get_outputs()]
    return dict(zip(names, runner.run(names, inputs)))


def file_name(name: str) -> str:
    """The .npy file of a tensor."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name) + ".npy"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--input", action="append", default=[], metavar="[NAME=]X.npy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1)
    arguments = parser.parse_args()

    runner = session(arguments.model)
    inputs = random_inputs(runner, arguments.batch, arguments.seed)
    unnamed = iter(list(inputs))
    given = {}
    for argument in arguments.input:
        name, _, file = argument.rpartition("=")
        given[name or next(unnamed)] = np.load(file)
    arguments.out.mkdir(parents=True, exist_ok=True)
    noise = {name: value for name, value in inputs.items() if name not in given}
    outputs = run(runner, {**inputs, **given})
    for name, value in (noise | outputs).items():
        path = arguments.out / file_name(name)
        np.save(path, value)
        print(path)


if __name__ == "__main__":
    main()
