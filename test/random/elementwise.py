"""Rows of operators on each element, of matrices and of reductions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from draw import Draw, Row


def unary(op: str, **ranges: tuple[float, float]) -> Callable[[Draw, str], str]:
    """An operator with one operand and float attributes in these ranges, which are left out now and then."""

    def make(draw: Draw, x: str) -> str:
        given = {key: draw.rng.uniform(low, high) for key, (low, high) in ranges.items() if draw.chance(0.7)}
        return draw.node(op, x, **given)

    return make


def broadcast(draw: Draw, x: str) -> tuple[int, ...]:
    """A shape that broadcasts to that of x, often one value for each channel."""
    shape = draw.shape(x)
    if len(shape) > 2 and draw.chance(0.5):
        return (shape[1], *[1] * (len(shape) - 2))
    kept = [extent if draw.chance(0.6) else 1 for extent in shape]
    return tuple(kept[draw.integer(0, len(shape)) :])


def partner(draw: Draw, x: str) -> str:
    """A value that broadcasts with x, most often of the same shape."""
    shape = draw.shape(x)
    if draw.chance(0.7):
        return draw.value(lambda other: other == shape)
    return draw.value(lambda other: _broadcasts(shape, other))


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1]))


def binary(op: str) -> Callable[[Draw, str], str]:
    """x with another value or with a constant, in both orders."""

    def make(draw: Draw, x: str) -> str:
        other = partner(draw, x) if draw.chance(0.6) else draw.constant(draw.uniform(-2, 2, *broadcast(draw, x)))
        return draw.node(op, *((x, other) if draw.chance(0.6) else (other, x)))

    return make


def div(draw: Draw, x: str) -> str:
    """By numbers away from 0, near which quotients are not ordinary."""
    if draw.chance(0.5):
        sign = np.where(draw.uniform(0, 1, *(shape := broadcast(draw, x))) < 0.3, -1, 1)
        return draw.node("Div", x, draw.constant((sign * draw.uniform(0.5, 2, *shape)).astype(np.float32)))
    above = draw.node("Add", draw.node("Sigmoid", partner(draw, x)), draw.constant(np.float32(0.5)))
    return draw.node("Div", x, above)


def total(draw: Draw, x: str) -> str:
    """Sum of one to four."""
    return draw.node("Sum", x, *(partner(draw, x) for _ in range(draw.integer(0, 3))))


def clip(draw: Draw, x: str) -> str:
    """Bounds, either of which may be left out."""
    low, high = sorted(draw.uniform(-2, 2, 2))
    low = draw.constant(np.float32(low)) if draw.chance(0.8) else ""
    high = [draw.constant(np.float32(high))] if draw.chance(0.8) else []
    return draw.node("Clip", *((x, low, *high) if low or high else (x,)))


def bound(op: str) -> Callable[[Draw, str], str]:
    """Max or Min with a scalar."""
    return lambda draw, x: draw.node(op, x, draw.constant(np.float32(draw.rng.uniform(-1, 1))))


def prelu(draw: Draw, x: str) -> str:
    """A slope for all or for each channel."""
    shape = draw.shape(x)
    slopes = (shape[1], *[1] * (len(shape) - 2)) if draw.chance(0.6) else (1,)
    return draw.node("PRelu", x, draw.constant(draw.uniform(-0.5, 1.5, *slopes)))


def batch_norm(draw: Draw, x: str) -> str:
    """Statistics of order 1."""
    channels = draw.shape(x)[1]
    bounds = ((0.5, 1.5), (-1, 1), (-1, 1), (0.5, 2))
    parameters = [draw.constant(draw.uniform(low, high, channels)) for low, high in bounds]
    return draw.node("BatchNormalization", x, *parameters, epsilon=draw.choice((1e-5, 1e-3)))


def softmax(draw: Draw, x: str) -> str:
    """Over one axis; until opset 12 over that and all that follow."""
    rank = len(draw.shape(x))
    return draw.node("Softmax", x, **({"axis": draw.integer(-rank, rank - 1)} if draw.chance(0.8) else {}))


def silu(draw: Draw, x: str) -> str:
    """x times its sigmoid, as it is exported before opset 24."""
    return draw.node("Mul", x, draw.node("Sigmoid", x))


def reduction(op: str, since: int) -> Callable[[Draw, str], str]:
    """Over some axes, which are an operand from opset `since` on."""

    def make(draw: Draw, x: str) -> str:
        rank = len(draw.shape(x))
        axes = sorted({draw.integer(0, rank - 1) for _ in range(draw.integer(1, 3))})
        axes = [axis - rank if draw.chance(0.3) else axis for axis in axes]
        # A scalar of few dimensions is nothing to go on with.
        keep = 1 if len(axes) > rank - 2 else draw.integer(0, 1)
        return draw.node_of(op, x, "axes", axes, since, keepdims=keep)

    return make


def gemm(draw: Draw, x: str) -> str:
    """With a constant or another matrix, transposed or not, scaled or not, with any C."""
    rows, depth = draw.shape(x)
    transposed = draw.integer(0, 1)
    if transposed:
        rows, depth = depth, rows
    if draw.chance(0.75):
        columns, flip = draw.integer(1, 40), draw.integer(0, 1)
        weight = draw.normal(*((columns, depth) if flip else (depth, columns)), scale=depth**-0.5)
        other = draw.constant(weight)
    else:
        flip = draw.integer(0, 1)
        other = draw.value(lambda shape: len(shape) == 2 and shape[flip] == depth)
        columns = draw.shape(other)[1 - flip]
    c = draw.choice(((), (1,), (columns,), (rows, 1), (1, columns), (rows, columns)))
    bias = [draw.constant(draw.normal(*c))] if draw.chance(0.7) else []
    scales = {key: draw.rng.uniform(-1.5, 1.5) for key in ("alpha", "beta") if draw.chance(0.2)}
    return draw.node("Gemm", x, other, *bias, transA=transposed, transB=flip, **scales)


def matmul(draw: Draw, x: str) -> str:
    """By a constant or by another value, batched where it has more than two dimensions."""
    *batch, rows, depth = draw.shape(x)
    if draw.chance(0.6):
        dims = batch if draw.chance(0.3) else []
        return draw.node("MatMul", x, draw.constant(draw.normal(*dims, depth, draw.integer(1, 40), scale=depth**-0.5)))
    if draw.chance(0.2):
        return draw.node("MatMul", draw.constant(draw.normal(draw.integer(1, 20), rows, scale=rows**-0.5)), x)
    fits = lambda shape: shape[-2:-1] == (depth,) and _broadcasts(tuple(batch), shape[:-2])  # noqa: E731
    return draw.node("MatMul", x, draw.value(fits))


ROWS = (
    Row("Relu", 3, unary("Relu")),
    Row("LeakyRelu", 1, unary("LeakyRelu", alpha=(-0.5, 0.9))),
    Row("Elu", 0.7, unary("Elu", alpha=(0.2, 2))),
    Row("Sigmoid", 1, unary("Sigmoid")),
    Row("Tanh", 0.7, unary("Tanh")),
    Row("HardSigmoid", 0.7, unary("HardSigmoid", alpha=(0.05, 0.5), beta=(0.2, 0.8))),
    Row("HardSwish", 1, unary("HardSwish"), since=14),
    Row("Swish", 0.5, unary("Swish"), since=24),
    Row("Neg", 0.5, unary("Neg")),
    Row("Identity", 0.3, unary("Identity")),
    Row("Dropout", 0.3, unary("Dropout")),
    Row("SiLU of Sigmoid and Mul", 1, silu),
    Row("Clip", 1.5, clip),
    Row("Max", 0.4, bound("Max")),
    Row("Min", 0.4, bound("Min")),
    Row("PRelu", 1, prelu),
    Row("Softmax", 1, softmax),
    Row("Add", 3, binary("Add")),
    Row("Sub", 1, binary("Sub")),
    Row("Mul", 2, binary("Mul")),
    Row("Div", 1, div),
    Row("Sum", 0.5, total),
    Row("BatchNormalization", 2, batch_norm),
    Row("ReduceMean", 1, reduction("ReduceMean", 18)),
    Row("ReduceMax", 0.7, reduction("ReduceMax", 18)),
    Row("Gemm", 3, gemm, (2,)),
    Row("MatMul", 2, matmul),
)
