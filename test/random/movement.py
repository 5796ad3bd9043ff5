"""Rows of operators that only move elements."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from draw import MOST_ELEMENTS, Draw, Row
from graph import Illegal


def concat(draw: Draw, x: str) -> str:
    """x with values that differ in the extent of one axis, or with itself, or with a constant."""
    shape = draw.shape(x)
    axis = 1 if draw.chance(0.6) else draw.integer(0, len(shape) - 1)

    def alike(other: tuple[int, ...]) -> bool:
        return other[:axis] == shape[:axis] and other[axis + 1 :] == shape[axis + 1 :]

    parts = [x, *(draw.value(alike) for _ in range(draw.integer(1, 3)))]
    if draw.chance(0.15):
        dims = [draw.integer(1, 4) if at == axis else extent for at, extent in enumerate(shape)]
        parts.append(draw.constant(draw.normal(*dims)))
    order = draw.rng.permutation(len(parts))
    return draw.node("Concat", *(parts[at] for at in order), axis=axis - len(shape) if draw.chance(0.2) else axis)


def split(draw: Draw, x: str) -> None:
    """Parts given as sizes or as their number."""
    shape = draw.shape(x)
    axis = 1 if draw.chance(0.6) else draw.integer(0, len(shape) - 1)
    extent, opset = shape[axis], draw.graph.opset
    parts = draw.integer(2, 4)
    if extent < parts:
        raise Illegal("nothing to split")
    if draw.chance(0.5):
        cuts = sorted(draw.rng.choice(np.arange(1, extent), parts - 1, replace=False).tolist())
        sizes = [end - start for start, end in zip([0, *cuts], [*cuts, extent])]
        if opset < 13:
            draw.nodes("Split", x, outputs=parts, axis=axis, split=sizes)
        else:
            draw.nodes("Split", x, draw.ints(sizes), outputs=parts, axis=axis)
        return
    if extent % parts and opset < 18 or -(-extent // parts) * (parts - 1) >= extent:
        raise Illegal("parts differ")
    draw.nodes("Split", x, outputs=parts, axis=axis, **({"num_outputs": parts} if opset >= 18 else {}))


def slices(draw: Draw, x: str) -> str:
    """Ranges of some axes, from the end and backwards too."""
    shape = draw.shape(x)
    axes = sorted(draw.rng.choice(len(shape), draw.integer(1, len(shape)), replace=False).tolist())
    starts, ends, steps = [], [], []
    for axis in axes:
        extent = shape[axis]
        first, last = sorted((draw.integer(0, extent - 1), draw.integer(0, extent - 1)))
        step = draw.choice((1, 1, 1, 2, 3, -1, -2))
        start, end = (first, last + 1) if step > 0 else (last, first - 1 if first else -extent - 1)
        if step > 0 and draw.chance(0.3):
            start, end = start - extent, draw.choice((np.iinfo(np.int64).max, extent))
        starts, ends, steps = [*starts, start], [*ends, end], [*steps, step]
    return draw.node("Slice", x, *(draw.ints(values) for values in (starts, ends, axes, steps)))


def pad(draw: Draw, x: str) -> str:
    """Constant of any value, cropping too, or of the input's own elements."""
    shape = draw.shape(x)
    modes = ["constant"] * 3 + ["reflect", "edge"] + (["wrap"] if draw.graph.opset >= 19 else [])
    mode = draw.choice(modes)
    least = -1 if mode == "constant" and draw.chance(0.2) else 0
    inner = range(len(shape)) if draw.chance(0.3) else range(max(1, len(shape) - 2), len(shape))

    def amount(at: int) -> int:
        most = min(3, shape[at] - 1) if mode in ("reflect", "wrap") else 3
        return draw.integer(least if shape[at] > 2 else 0, most) if at in inner else 0

    pads = draw.ints([amount(at % len(shape)) for at in range(2 * len(shape))])
    value = [draw.constant(np.float32(draw.rng.uniform(-1, 1)))] if mode == "constant" and draw.chance(0.4) else []
    return draw.node("Pad", x, pads, *value, mode=mode)


def reshape(draw: Draw, x: str) -> str:
    """Any factors of the number of elements, with a copied and a computed dimension now and then."""
    shape = draw.shape(x)
    rank, left = draw.integer(2, 4), int(np.prod(shape))
    dims = []
    if draw.chance(0.7):
        dims, left = [shape[0]], left // shape[0]
    while len(dims) < rank - 1:
        dims.append(draw.choice([factor for factor in range(1, min(left, 64) + 1) if left % factor == 0]))
        left //= dims[-1]
    dims.append(left)
    if draw.chance(0.3):
        dims[draw.integer(0, rank - 1)] = -1
    if dims[0] == shape[0] and draw.chance(0.3):
        dims[0] = 0
    return draw.node("Reshape", x, draw.ints(dims))


def flatten(draw: Draw, x: str) -> str:
    """Before any axis."""
    return draw.node("Flatten", x, axis=1 if draw.chance(0.6) else draw.integer(0, len(draw.shape(x))))


def transpose(draw: Draw, x: str) -> str:
    """Any permutation; to NHWC and back more often."""
    rank = len(draw.shape(x))
    if rank == 4 and draw.chance(0.5):
        return draw.node("Transpose", x, perm=draw.choice(([0, 2, 3, 1], [0, 3, 1, 2])))
    return draw.node("Transpose", x, perm=draw.rng.permutation(rank).tolist())


def squeeze(draw: Draw, x: str) -> str:
    """Some of the dimensions of 1."""
    shape = draw.shape(x)
    ones = [at - len(shape) if draw.chance(0.3) else at for at, extent in enumerate(shape) if extent == 1]
    if not ones or len(shape) == 2:
        raise Illegal("nothing to squeeze")
    return draw.node_of("Squeeze", x, "axes", ones[: draw.integer(1, min(len(ones), len(shape) - 2))], 13)


def unsqueeze(draw: Draw, x: str) -> str:
    """A new dimension anywhere."""
    return draw.node_of("Unsqueeze", x, "axes", [draw.integer(-len(draw.shape(x)) - 1, len(draw.shape(x)))], 13)


def gather(draw: Draw, x: str) -> str:
    """One index, or indices at equal distances."""
    shape = draw.shape(x)
    axis = draw.integer(0, len(shape) - 1)
    extent = shape[axis]
    if len(shape) > 2 and draw.chance(0.4):
        return draw.node("Gather", x, draw.constant(np.array(draw.integer(-extent, extent - 1), np.int64)), axis=axis)
    indices = range(draw.integer(0, extent - 1), extent, draw.integer(1, 3))
    return draw.node("Gather", x, draw.ints(indices[::-1] if draw.chance(0.2) else indices), axis=axis)


def expand(draw: Draw, x: str) -> str:
    """To its own shape, which exporters write."""
    return draw.node("Expand", x, draw.ints(draw.shape(x)))


def reshape_by_shape(draw: Draw, x: str) -> str:
    """Batch kept by Shape, Gather, Unsqueeze and Concat, as exporters write it."""
    if int(np.prod(draw.shape(x))) > MOST_ELEMENTS // 2:
        raise Illegal("large")
    batch = draw.node("Gather", draw.node("Shape", x), draw.constant(np.array(0, np.int64)), axis=0)
    batch = draw.node_of("Unsqueeze", batch, "axes", [0], 13)
    return draw.node("Reshape", x, draw.node("Concat", batch, draw.ints([-1]), axis=0))


ROWS = (
    Row("Concat", 2.5, concat),
    Row("Split", 1.5, split),
    Row("Slice", 1.5, slices),
    Row("Pad", 1.5, pad),
    Row("Reshape", 1.5, reshape),
    Row("Reshape by Shape", 0.5, reshape_by_shape),
    Row("Flatten", 0.7, flatten),
    Row("Transpose", 1.5, transpose),
    Row("Squeeze", 0.5, squeeze),
    Row("Unsqueeze", 0.5, unsqueeze, (2, 3)),
    Row("Gather", 0.7, gather),
    Row("Expand", 0.3, expand),
    Row("Cast", 0.3, lambda draw, x: draw.node("Cast", x, to=TensorProto.FLOAT)),
)
