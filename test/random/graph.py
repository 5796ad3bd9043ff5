"""A graph under construction: nodes, constants and inputs by name, with the value of each as ONNX Runtime has it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper

Array = npt.NDArray[np.generic]
# The IR version that ONNX Runtime reads at every opset of ours.
IR_VERSION = 10


class Illegal(Exception):
    """What was drawn is not a legal node, or its values are not ordinary numbers."""


@dataclass(frozen=True)
class Node:
    """An operator on named values; an empty name is an operand that is left out."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, object]

    def proto(self) -> onnx.NodeProto:
        """As the model has it; its name is that of its first output."""
        return helper.make_node(self.op, self.inputs, self.outputs, f"node_{self.outputs[0]}", **self.attributes)


@dataclass
class Graph:
    """Nodes in topological order. `values` has inputs and results, `constants` what the model carries."""

    opset: int
    inputs: list[str] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    values: dict[str, Array] = field(default_factory=dict)
    # Names of the rows that made it.
    rows: list[str] = field(default_factory=list)

    def copied(self) -> Graph:
        """One whose lists can be changed."""
        return Graph(**{field.name: copy.copy(getattr(self, field.name)) for field in fields(self)})

    def append(self, node: Node) -> None:
        """Adds a node with its values.

        Raises Illegal when ONNX Runtime does not take it.
        """
        known = self.values | self.constants
        given = {name: known[name] for name in node.inputs if name}
        self.values.update(zip(node.outputs, evaluate(node, given, self.opset)))
        self.nodes.append(node)

    def users(self) -> dict[str, int]:
        """How many operands each value is."""
        counts = dict.fromkeys(self.values, 0)
        for node in self.nodes:
            for name in node.inputs:
                if name in counts:
                    counts[name] += 1
        return counts

    def trimmed(self) -> Graph:
        """Only what the outputs need, the inputs in their order."""
        needed, nodes = set(self.outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                nodes.append(node)
                needed.update(node.inputs)
        made = {name for node in nodes for name in node.outputs}
        return replace(
            self,
            nodes=nodes[::-1],
            inputs=[name for name in self.inputs if name in needed],
            constants={name: value for name, value in self.constants.items() if name in needed},
            values={name: value for name, value in self.values.items() if name in needed | made},
        )

    def largest(self) -> float:
        """The largest magnitude of any value."""
        return max((float(np.abs(value).max(initial=0.0)) for value in self.values.values()), default=0.0)

    def feeds(self) -> dict[str, Array]:
        """Values of the inputs."""
        return {name: self.values[name] for name in self.inputs}

    def model(self) -> onnx.ModelProto:
        """The ONNX model."""
        return _model(
            [node.proto() for node in self.nodes],
            [(name, self.values[name]) for name in self.inputs],
            [(name, self.values[name]) for name in self.outputs],
            self.constants,
            self.opset,
        )


def evaluate(node: Node, given: dict[str, Array], opset: int) -> list[Array]:
    """What a node makes of its operands, by ONNX Runtime."""
    # Types of results are left to ONNX Runtime.
    model = _model([node.proto()], list(given.items()), [(name, None) for name in node.outputs], {}, opset)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(list(node.outputs), given)
    except Exception as error:  # its exceptions share no base class of their own
        raise Illegal(f"{node.op}: {error}") from error


def _model(
    nodes: list[onnx.NodeProto],
    inputs: Iterable[tuple[str, Array]],
    outputs: Iterable[tuple[str, Array | None]],
    constants: dict[str, Array],
    opset: int,
) -> onnx.ModelProto:
    def info(name: str, value: Array | None) -> onnx.ValueInfoProto:
        if value is None:
            return onnx.ValueInfoProto(name=name)
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)

    graph = helper.make_graph(
        nodes, "random", [info(*item) for item in inputs], [info(*item) for item in outputs],
        [numpy_helper.from_array(np.array(value, order="C"), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = IR_VERSION
    return model
