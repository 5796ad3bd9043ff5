"""Writes the ONNX backend's node and PyTorch test models, and our odd ones (test/onnx_node/odd.py), for the importer, with
inputs and expected outputs.

usage: onnx_node_models.py OUT
Per test of an operator, OUT/NAME.onnx is the test's model where only the first float input is still an input: the
other operands are initializers, as a network's weights are. OUT/NAME.constant.onnx has no inputs at all, and results
that are not float are cast to it. OUT/NAME[.constant].npz holds `in0`, `out0`, `out1`, ...; OUT/index.tsv has one line
per model: its name and its operators.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter
from onnx.backend.test.case.node import collect_testcases

sys.path.insert(0, str(Path(__file__).parents[2] / "test/onnx_node"))
from odd import odd  # noqa: E402

# What the importer knows in constants; of the others it says so, which one test of ours shows.
TYPES = {np.dtype(name) for name in ("float32", "float64", "int32", "int64", "bool")}
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
        except RuntimeError:
            continue
        yield f"pytorch_{folder.name}", model, *arrays
    for name, *case in odd():
        yield f"odd_{name}", *case


def bind(model, inputs, keep: bool):
    """Makes operands initializers, all but the first float one if it is to be kept; returns what is kept."""
    kept = []
    names = {initializer.name for initializer in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in names]
    for value, array in zip(values, inputs):
        if keep and array.dtype == np.float32 and not kept:
            kept.append(array)
            continue
        model.graph.input.remove(value)
        model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    return kept


def cast_outputs(model) -> None:
    """Makes every result float."""
    for output in model.graph.output:
        if output.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            continue
        name = f"{output.name}_as_float"
        model.graph.node.append(helper.make_node("Cast", [output.name], [name], to=onnx.TensorProto.FLOAT))
        output.name = name
        output.type.tensor_type.elem_type = onnx.TensorProto.FLOAT


def main() -> None:
    """The command line."""
    out = Path(sys.argv[1])
    lines = []
    for name, model, inputs, outputs in cases():
        if "_expanded" in name or any(getattr(array, "dtype", None) not in TYPES for array in inputs + outputs):
            continue
        for suffix in ("", ".constant"):
            if not suffix and any(array.dtype != np.float32 for array in outputs):
                continue
            variant = onnx.ModelProto()
            variant.CopyFrom(model)
            kept = bind(variant, inputs, keep=not suffix)
            if suffix:
                cast_outputs(variant)
            expected = {f"out{index}": array.astype(np.float32) for index, array in enumerate(outputs)}
            onnx.save(variant, out / f"{name}{suffix}.onnx")
            np.savez(out / f"{name}{suffix}.npz", **{f"in{index}": array for index, array in enumerate(kept)}, **expected)
            operators = sorted({node.op_type for node in model.graph.node})
            lines.append(f"{name}{suffix}\t{','.join(operators)}")
    (out / "index.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
