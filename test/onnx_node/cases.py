"""What ait should compile: the `onnx` wheel's f32 node tests of the supported operators, and odd forms of our own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, TensorProto, numpy_helper, version_converter
from odd import odd
from onnx.backend.test.case import node as node_cases

Array = npt.NDArray[np.float32]

OPERATORS = frozenset(
    "Add AveragePool BatchNormalization Clip Concat Constant Conv ConvTranspose Div Dropout Elu Flatten Gemm "
    "GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish Identity LeakyRelu MatMul MaxPool Mul Neg PRelu Pad "
    "ReduceMax ReduceMean Relu Reshape Sigmoid Slice Softmax Split Squeeze Sub Sum Swish Tanh Transpose "
    "Unsqueeze".split()
)
# Every f32 input of these is a run-time tensor; the others take one, and parameters known at compile time.
ALL_INPUTS = frozenset("Add Sub Mul Div MatMul Concat Sum".split())
OLDEST_OPSET = 9
# Folders of the wheel with models on disk, exported by PyTorch at opset 6, and the opset they are lifted to.
FOLDERS = ("pytorch-operator", "pytorch-converted")
STORED_OPSET = 13


@dataclass
class Case:
    """A model whose only inputs are run-time f32 tensors, with its inputs and expected outputs."""

    name: str
    model: ModelProto
    inputs: dict[str, Array]
    outputs: dict[str, Array]
    atol: float
    rtol: float


def collect() -> list[Case]:
    """All cases, in the order of their names."""
    return sorted((*_generated(), *_stored(), *_odd()), key=lambda case: case.name)


def _generated() -> Iterator[Case]:
    """The node tests, which the wheel makes as it goes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = node_cases.collect_testcases(None)
    for test in tests:
        if test.model is not None and _is_ours(test.model):
            inputs, outputs = test.data_sets[0]
            yield _case(test.name, test.model, inputs, outputs, test.atol, test.rtol)


def _stored() -> Iterator[Case]:
    """The tests that the wheel has as files."""
    data = Path(onnx.__file__).parent / "backend/test/data"
    for folder in (path for name in FOLDERS for path in sorted((data / name).iterdir())):
        model = onnx.load(folder / "model.onnx")
        try:
            model = version_converter.convert_version(model, STORED_OPSET)
        except RuntimeError:
            continue  # the wheel's converter does not know an operator, so it is none of ours
        if _is_ours(model):
            arrays = ([_read(path) for path in _numbered(folder, kind)] for kind in ("input", "output"))
            yield _case(f"{folder.parent.name}/{folder.name}", model, *arrays, atol=1e-5, rtol=1e-3)


def _odd() -> Iterator[Case]:
    """The odd forms, with ONNX Runtime's answers."""
    for name, model, inputs, outputs in odd():
        yield _case(f"odd/{name}", model, inputs, outputs, atol=1e-5, rtol=1e-3)


def _numbered(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / "test_data_set_0").glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))


def _read(path: Path) -> Array:
    tensor = TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def _is_ours(model: ModelProto) -> bool:
    """Whether a model has only supported operators, an f32 run-time input, f32 outputs and an opset that is not too old."""
    graph = model.graph
    kinds = {node.op_type for node in graph.node}
    opset = min(entry.version for entry in model.opset_import)
    known = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in known]
    return (
        kinds <= OPERATORS
        and not model.functions
        and opset >= OLDEST_OPSET
        and any(value.type.tensor_type.elem_type == TensorProto.FLOAT for value in inputs)
        and all(value.type.tensor_type.elem_type == TensorProto.FLOAT for value in graph.output)
    )


def _case(name: str, model: ModelProto, inputs: list[Array], outputs: list[Array], atol: float, rtol: float) -> Case:
    """The case, with the inputs that are parameters made initialisers."""
    baked = ModelProto()
    baked.CopyFrom(model)
    graph = baked.graph
    known = {tensor.name for tensor in graph.initializer}
    values = [value for value in graph.input if value.name not in known]
    # An input that a Concat, say, takes twice is one input.
    given = {value.name: np.asarray(array) for value, array in zip(values, inputs)}
    all_inputs = len(graph.node) > 1 or graph.node[0].op_type in ALL_INPUTS
    runtime: dict[str, Array] = {}
    for value, array in given.items():
        if array.dtype == np.float32 and (all_inputs or not runtime):
            runtime[value] = array
        else:
            graph.initializer.append(numpy_helper.from_array(array, value))
    kept = [value for value in graph.input if value.name in runtime]
    del graph.input[:]
    graph.input.extend(kept)
    results = {value.name: np.asarray(array) for value, array in zip(graph.output, outputs)}
    return Case(name, baked, runtime, results, max(atol, 1e-6), rtol)
