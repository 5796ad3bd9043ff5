"""Writes the ONNX backend's node and PyTorch test models for the importer, with what they should become.

usage: onnx_node_models.py OUT
Writes OUT/NAME.onnx per test of an operator with float outputs. Operands that are no floats become initializers, and of the floats all
but the first: a network's weights are constants. OUT/index.tsv has one line per model: its name, its operators,
the shapes of its outputs.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, version_converter
from onnx.backend.test.case.node import collect_testcases

DATA = Path(onnx.__file__).parent / "backend/test/data"


def cases():
    """Name, model, input and output arrays of every test."""
    warnings.simplefilter("ignore")
    for case in collect_testcases(None):
        inputs, outputs = case.data_sets[0]
        yield case.name, case.model, list(inputs), list(outputs)
    # The PyTorch tests are of opset 6, older than the importer's oldest.
    for folder in sorted(path.parent for path in DATA.glob("pytorch-*/*/model.onnx")):
        arrays = [
            [
                numpy_helper.to_array(onnx.load_tensor(str(path)))
                for path in sorted((folder / "test_data_set_0").glob(f"{kind}_*.pb"))
            ]
            for kind in ("input", "output")
        ]
        try:
            model = version_converter.convert_version(onnx.load(folder / "model.onnx"), 9)
        except RuntimeError as error:
            print(f"{folder.name} cannot be converted: {error}", file=sys.stderr)
            continue
        yield f"pytorch_{folder.name}", model, *arrays


def bind(model, inputs) -> None:
    """Makes operands initializers: what is not float, and the floats after the first."""
    kept = False
    names = {initializer.name for initializer in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in names]
    for value, array in zip(values, inputs):
        if array.dtype == np.float32 and not kept:
            kept = True
            continue
        model.graph.input.remove(value)
        model.graph.initializer.append(numpy_helper.from_array(array, value.name))


def main() -> None:
    """The command line."""
    out = Path(sys.argv[1])
    lines = []
    for name, model, inputs, outputs in cases():
        arrays = all(isinstance(array, np.ndarray) for array in inputs + outputs)
        if not arrays or "_expanded" in name or any(array.dtype != np.float32 for array in outputs) or model.functions:
            continue
        bind(model, inputs)
        onnx.save(model, out / f"{name}.onnx")
        operators = sorted({node.op_type for node in model.graph.node})
        shapes = ["x".join(map(str, array.shape)) for array in outputs]
        lines.append("\t".join([name, ",".join(operators), ",".join(shapes)]))
    (out / "index.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
