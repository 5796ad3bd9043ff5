"""Draws a graph: what the rows of the table choose from, and how many of them make a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from graph import Array, Graph, Illegal, Node

T = TypeVar("T")

# Opsets at which the forms of operators change (axes as operands, softmax, splits), and the newest of ONNX Runtime.
OPSETS = (11, 13, 17, 18, 21, 24)
MOST_OPS = 12
# Bounds that keep a run in QEMU short, and differences of float32 small beside the tolerance.
MOST_ELEMENTS = 1 << 14
MOST_MACS = 1 << 21
LARGEST = 100.0
# Rows that are tried for one op; a row may have nothing to offer for the values there are.
TRIES = 40


@dataclass(frozen=True)
class Row:
    """A line of the table: an operator or a pattern of several, how often it is drawn, and what it takes.

    `make` appends nodes for a value of one of the `ranks`; it raises Illegal where it has nothing for that value.
    """

    name: str
    weight: float
    make: Callable[[Draw, str], None]
    ranks: tuple[int, ...] = (2, 3, 4)
    since: int = 1


class Draw:
    """Random choices, and the graph that they make."""

    def __init__(self, rng: np.random.Generator, graph: Graph) -> None:
        self.rng, self.graph = rng, graph
        self._names = 0

    def chance(self, probability: float) -> bool:
        """Whether something happens."""
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """A number of low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def choice(self, items: Sequence[T]) -> T:
        """One of the items.

        Raises Illegal if there is none.
        """
        if not items:
            raise Illegal("nothing to choose from")
        return items[self.integer(0, len(items) - 1)]

    def uniform(self, low: float, high: float, *shape: int) -> Array:
        """Numbers of low to high."""
        return self.rng.uniform(low, high, shape).astype(np.float32)

    def normal(self, *shape: int, scale: float = 1.0) -> Array:
        """Normally distributed numbers."""
        return (self.rng.standard_normal(shape) * scale).astype(np.float32)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value."""
        return self.graph.values[name].shape

    def value(self, fits: Callable[[tuple[int, ...]], bool]) -> str:
        """A float value whose shape fits, half of the time the newest: long chains, and values with many users.

        Raises Illegal if there is none.
        """
        values = self.graph.values.items()
        names = [name for name, value in values if value.dtype == np.float32 and fits(value.shape)]
        return names[-1] if names and self.chance(0.5) else self.choice(names)

    def constant(self, value: Array | np.generic) -> str:
        """A constant of the model."""
        name = self._name("c")
        self.graph.constants[name] = np.asarray(value)
        return name

    def ints(self, values: Sequence[int]) -> str:
        """A constant list of integers."""
        return self.constant(np.array(values, np.int64))

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> str:
        """Appends a node; its first output.

        Raises Illegal if ONNX Runtime refuses it, or its values are not ordinary.
        """
        return self.nodes(op, *inputs, outputs=outputs, **attributes)[0]

    def nodes(self, op: str, *inputs: str, outputs: int, **attributes: object) -> tuple[str, ...]:
        """As `node`; all outputs."""
        names = tuple(self._name("v") for _ in range(outputs))
        self.graph.append(Node(op, inputs, names, attributes))
        for name in names:
            value = self.graph.values[name]
            if not 0 < value.size <= MOST_ELEMENTS or value.ndim > 4:
                raise Illegal(f"{op}: {value.shape} is too large or empty")
            if value.dtype == np.float32 and not np.abs(value).max() <= LARGEST:
                raise Illegal(f"{op}: values beyond {LARGEST}")
        return names

    def node_of(self, op: str, x: str, listed: str, values: Sequence[int], since: int, **attributes: object) -> str:
        """A node with one list of integers, an attribute before opset `since` and operand 1 from there on."""
        if self.graph.opset < since:
            return self.node(op, x, **{listed: list(values)}, **attributes)
        return self.node(op, x, self.ints(values), **attributes)

    def _name(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"


def graph(seed: int, index: int, rows: Sequence[Row]) -> Graph:
    """The graph of a number: the same for the same seed and table."""
    draw = Draw(np.random.default_rng([seed, index]), Graph(opset=0))
    draw.graph.opset = draw.choice(OPSETS)
    for position in range(draw.choice((1, 1, 1, 2, 2, 3))):
        name = f"x{position}"
        draw.graph.inputs.append(name)
        draw.graph.values[name] = draw.normal(*_input_shape(draw))
    usable = [row for row in rows if row.since <= draw.graph.opset]
    wanted = draw.integer(1, MOST_OPS)
    for _ in range(TRIES):
        if len(draw.graph.nodes) >= wanted:
            break
        _extend(draw, usable)
    _choose_outputs(draw)
    return draw.graph.trimmed()


def _input_shape(draw: Draw) -> list[int]:
    rank = draw.choice((2, 3, 4, 4, 4, 4))
    extents = {2: (64,), 3: (12, 40), 4: (16, 19, 19)}[rank]
    return [draw.choice((1, 1, 2, 3)), *(draw.integer(1, extent) for extent in extents)]


def _extend(draw: Draw, rows: Sequence[Row]) -> None:
    """Adds a row's nodes; what cannot be leaves the graph as it was."""
    weights = np.array([row.weight for row in rows])
    row = rows[draw.rng.choice(len(rows), p=weights / weights.sum())]
    before = draw.graph
    draw.graph = before.copied()
    try:
        row.make(draw, draw.value(lambda shape: len(shape) in row.ranks))
        draw.graph.rows.append(row.name)
    except Illegal:
        draw.graph = before


def _choose_outputs(draw: Draw) -> None:
    """What nobody uses, and now and then what somebody does."""
    users, nodes = draw.graph.users(), draw.graph.nodes
    made = [name for node in nodes for name in node.outputs if draw.graph.values[name].dtype == np.float32]
    chosen = [name for name in made if users[name] == 0 or draw.chance(0.1)]
    # Some of a split's parts stay unused.
    kept = [name for name in chosen if users[name] or draw.chance(0.9)]
    draw.graph.outputs = kept or chosen
