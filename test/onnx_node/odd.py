"""Odd but legal forms of operators that the wheel's tests lack, many to a model, with ONNX Runtime's answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper

Array = npt.NDArray[np.float32]


class Forms:
    """A model of nodes that read one input `x`, each result an output."""

    def __init__(self, name: str, opset: int, shape: tuple[int, ...]) -> None:
        self.name, self.opset = name, opset
        self.x = np.random.default_rng(len(name)).standard_normal(shape).astype(np.float32)
        self.nodes, self.outputs, self.constants = [], [], []

    def constant(self, values: object, dtype: type = np.int64) -> str:
        """Name of an initializer."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def node(self, operator: str, *inputs: str, outputs: int = 1, output: bool = True, **attributes: object) -> list[str]:
        """A node of `x` and further inputs; gives its results."""
        names = [f"{operator}{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        self.outputs += names if output else []
        return names

    def case(self) -> tuple[str, ModelProto, list[Array], list[Array]]:
        """Name, model, inputs, expected outputs."""
        value = helper.make_tensor_value_info
        outputs = [value(name, TensorProto.FLOAT, None) for name in self.outputs]
        x = value("x", TensorProto.FLOAT, self.x.shape)
        graph = helper.make_graph(self.nodes, self.name, [x], outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return self.name, model, [self.x], session.run(self.outputs, {"x": self.x})


def _pads() -> Forms:
    """Beyond the input's size where the mode allows, with crops, with axes."""
    forms = Forms("pads", 19, (1, 2, 5, 100))
    for mode, pads in [
        ("edge", [0, 0, 3, 70, 0, 0, 1, 65]),
        ("edge", [0, 0, -1, 200, 0, 0, 2, -3]),
        ("reflect", [0, 0, 4, 99, 0, 0, 0, 70]),
        ("reflect", [0, 1, -2, 0, 0, 0, 1, -90]),
        ("wrap", [0, 0, 11, 230, 0, 3, 5, 100]),
        ("wrap", [0, 0, -1, 7, 0, 0, 9, -99]),
        ("constant", [0, 1, -2, 130, 1, 0, -2, -50]),
    ]:
        forms.node("Pad", "x", forms.constant(pads), mode=mode)
    value, axes = forms.constant(0.5, np.float32), forms.constant([-1, 1])
    forms.node("Pad", "x", forms.constant([80, 1, -20, 0]), value, axes)
    forms.node("Pad", "x", forms.constant([80, 1, -20, 0]), "", axes, mode="edge")
    return forms


def _pools() -> Forms:
    """Windows that exceed the padded input by less than a stride; ceil_mode; windows over padding."""
    forms = Forms("pools", 22, (1, 3, 5, 4))
    for kernel, strides, pads, more in [
        ([6, 2], [2, 1], [0, 0, 0, 0], {}),
        ([7, 3], [4, 2], [1, 1, 0, 1], {}),
        ([3, 3], [4, 4], [0, 0, 0, 1], {"dilations": [3, 2]}),
        ([2, 5], [1, 3], [0, 0, 1, 0], {"ceil_mode": 1}),
        ([6, 6], [9, 9], [0, 1, 0, 0], {"ceil_mode": 1}),
        ([3, 2], [3, 3], [1, 0, 1, 1], {"ceil_mode": 1}),
        ([5, 4], [1, 1], [0, 0, 0, 0], {}),
    ]:
        window = {"kernel_shape": kernel, "strides": strides, "pads": pads, **more}
        forms.node("MaxPool", "x", **window)
        forms.node("AveragePool", "x", **window)
        forms.node("AveragePool", "x", **window, count_include_pad=1)
    forms.node("MaxPool", "x", kernel_shape=[6, 2], strides=[3, 2], auto_pad="VALID")
    forms.node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER")
    return forms


def _older_means() -> Forms:
    """Before opset 19 a mean that counts padding counts all taps of a window that exceeds the padded input."""
    forms = Forms("means", 18, (1, 3, 5, 4))
    for kernel, strides, pads in [([6, 2], [2, 1], [0] * 4), ([7, 3], [4, 2], [1, 1, 0, 1]), ([2, 5], [1, 3], [0, 0, 1, 0])]:
        for counted in (0, 1):
            forms.node("AveragePool", "x", kernel_shape=kernel, strides=strides, pads=pads, count_include_pad=counted)
    return forms


def _splits() -> Forms:
    """Parts without elements, put together again or unused; an empty last part."""
    forms = Forms("splits", 18, (1, 4, 3, 2))
    parts = forms.node("Split", "x", forms.constant([0, 3, 0, 1]), outputs=4, output=False, axis=1)
    forms.node("Concat", *parts[::-1], axis=1)
    forms.node("Relu", parts[0], output=False)
    [nothing] = forms.node("Relu", parts[2], output=False)
    forms.node("Concat", parts[1], nothing, axis=1)
    rest = forms.node("Split", "x", outputs=3, output=False, axis=1, num_outputs=3)
    forms.node("Sub", rest[0], rest[1])
    forms.node("Concat", *rest, axis=1)
    [shape] = forms.node("Shape", rest[2], output=False)
    [floats] = forms.node("Cast", shape, output=False, to=TensorProto.FLOAT)
    forms.node("Add", "x", forms.node("ReduceMax", floats, output=False, keepdims=0)[0])
    forms.node("Split", "x", forms.constant([4]), axis=-3)
    return forms


def _slices() -> Forms:
    """Negative steps, clamped bounds, steps beyond the dimension, empty results that are used."""
    forms = Forms("slices", 13, (2, 3, 4, 5))
    most = np.iinfo(np.int64).max
    for starts, ends, axes, steps in [
        ([-1, 10], [-most - 1, -10], [3, 2], [-1, -2]),
        ([-100, 1], [100, most], [0, -1], [1, 3]),
        ([4], [0], [-1], [-100]),
        ([1, 2], [3, 3], [1, 2], [1, 1]),
        ([most], [-most - 1], [2], [-3]),
    ]:
        forms.node("Slice", "x", *(forms.constant(values) for values in (starts, ends, axes, steps)))
    [nothing] = forms.node("Slice", "x", forms.constant([7]), forms.constant([9]), forms.constant([1]), output=False)
    forms.node("Concat", "x", nothing, "x", axis=1)
    [none] = forms.node("Gather", "x", forms.constant(np.zeros((0,))), output=False, axis=2)
    forms.node("Concat", none, "x", axis=2)
    for indices in ([-1], -2, [3, 1], [0, 2], [[3, 2], [1, 0]]):
        forms.node("Gather", "x", forms.constant(indices), axis=2)
    return forms


def _shapes() -> Forms:
    """Reshape with 0 and -1, flatten at both ends, squeeze of all, unsqueeze out of order."""
    forms = Forms("shapes", 14, (1, 3, 1, 4))
    for shape in ([0, -1], [0, 0, 2, 2], [-1], [2, 0, -1], [1, 12, 1]):
        forms.node("Reshape", "x", forms.constant(shape))
    for axis in (0, 4, -1, -4):
        forms.node("Flatten", "x", axis=axis)
    forms.node("Squeeze", "x")
    forms.node("Squeeze", "x", forms.constant([-2, 0]))
    forms.node("Unsqueeze", "x", forms.constant([5, 0]))
    forms.node("Unsqueeze", "x", forms.constant([-1, -3]))
    forms.node("Transpose", "x")
    forms.node("Expand", "x", forms.constant([3, 1, 4]))
    forms.node("Softmax", "x", axis=-3)
    return forms


def _arithmetic() -> Forms:
    """Clips without bounds or with crossed ones, one operand to variadic operators, broadcasts that add dimensions."""
    forms = Forms("arithmetic", 14, (2, 3, 4))
    low, high = forms.constant(0.5, np.float32), forms.constant(-0.5, np.float32)
    forms.node("Clip", "x")
    forms.node("Clip", "x", "", high)
    forms.node("Clip", "x", low)
    forms.node("Clip", "x", low, high)
    forms.node("Sum", "x")
    forms.node("Max", "x")
    forms.node("Min", "x", low, high)
    forms.node("Concat", "x", axis=-1)
    forms.node("Add", "x", forms.constant(np.ones((5, 1, 1, 4)), np.float32))
    forms.node("Sub", forms.constant(2.0, np.float32), "x")
    forms.node("Div", forms.constant([[1.0], [2.0], [3.0]], np.float32), "x")
    forms.node("MatMul", "x", forms.constant(np.ones((4,)), np.float32))
    forms.node("MatMul", forms.constant(np.ones((3,)), np.float32), "x")
    forms.node("PRelu", "x", forms.constant([[0.25]], np.float32))
    forms.node("ReduceMean", "x", axes=[0, -1], keepdims=0)
    forms.node("ReduceMax", "x", axes=[1])
    forms.node("ReduceMean", "x")
    return forms


def odd() -> Iterator[tuple[str, ModelProto, list[Array], list[Array]]]:
    """Every model: name, model, inputs, expected outputs."""
    for forms in (_pads, _pools, _older_means, _splits, _slices, _shapes, _arithmetic):
        yield forms().case()
