"""Rows of convolutions and pools."""

from __future__ import annotations

import numpy as np

from draw import MOST_MACS, Draw, Row
from graph import Illegal

# What ONNX Runtime 1.32 makes otherwise than the standard has it, and the rows leave out.
DILATED_MAX_POOL = "dilated max pools with padding: of padding alone it takes the lowest float, or what is beside the input"
CEIL_MODE_VALID = "ceil_mode with auto_pad VALID: by the standard's formula it changes nothing, ONNX Runtime adds a window"

KERNELS = (1, 2, 3, 3, 3, 5, 7)


def window(draw: Draw, extents: tuple[int, ...], kernels: tuple[int, ...], dilated: bool) -> dict[str, object]:
    """Attributes of a window over an input of these extents: as ONNX Runtime takes it, or not."""
    rank = len(extents)

    def each(choices: tuple[int, ...]) -> list[int]:
        values = [draw.choice(choices) for _ in range(rank)]
        return values[:1] * rank if draw.chance(0.6) else values

    kernel, strides = each(kernels), each((1, 1, 1, 2, 2, 3))
    dilations = each((1, 1, 1, 2, 3)) if dilated else [1] * rank
    attributes = {"kernel_shape": kernel, "strides": strides} | ({"dilations": dilations} if dilated else {})
    reach = [(size - 1) * by + 1 for size, by in zip(kernel, dilations)]
    if draw.chance(0.15) and max(dilations) == 1:
        return attributes | {"auto_pad": draw.choice(("SAME_UPPER", "SAME_LOWER", "VALID"))}
    if draw.chance(0.3):
        return attributes | {"pads": [draw.integer(0, size) for size in reach * 2]}
    if draw.chance(0.7):
        # The shape stays where the stride is 1: such values meet again.
        return attributes | {"pads": [size // 2 for size in reach] + [(size - 1) // 2 for size in reach]}
    return attributes


def conv(draw: Draw, x: str, groups: int | None = None) -> str:
    """Any convolution, most often of one group."""
    batch, channels, *extents = draw.shape(x)
    if groups is None:
        divisors = [count for count in range(1, channels + 1) if channels % count == 0]
        groups = draw.choice(divisors) if draw.chance(0.2) else 1
    attributes = window(draw, tuple(extents), KERNELS, True)
    filters = groups * max(1, draw.integer(1, 32) // groups)
    shape = (filters, channels // groups, *attributes["kernel_shape"])
    if int(np.prod(shape)) * batch * int(np.prod(extents)) > MOST_MACS:
        raise Illegal("too many multiplications")
    if draw.chance(0.5):
        del attributes["kernel_shape"]
    return _conv(draw, x, shape, group=groups, **attributes)


def _conv(draw: Draw, x: str, shape: tuple[int, ...], **attributes: object) -> str:
    """A convolution with weights of this shape, and a bias more often than not."""
    weights = draw.constant(draw.normal(*shape, scale=int(np.prod(shape[1:])) ** -0.5))
    bias = [draw.constant(draw.normal(shape[0]))] if draw.chance(0.6) else []
    return draw.node("Conv", x, weights, *bias, **attributes)


def same(draw: Draw, x: str, filters: int, size: int, groups: int = 1) -> str:
    """A convolution whose result has the extents of x."""
    batch, channels, *extents = draw.shape(x)
    shape = (filters, channels // groups, *[size] * len(extents))
    if int(np.prod(shape)) * batch * int(np.prod(extents)) > MOST_MACS:
        raise Illegal("too many multiplications")
    return _conv(draw, x, shape, group=groups, pads=[size // 2] * 2 * len(extents))


def depthwise(draw: Draw, x: str) -> str:
    """One filter or more for each channel."""
    return conv(draw, x, groups=draw.shape(x)[1])


def max_pool(draw: Draw, x: str) -> str:
    """With ceil_mode or with dilations; see DILATED_MAX_POOL and CEIL_MODE_VALID."""
    attributes = window(draw, draw.shape(x)[2:], KERNELS[:-1], draw.chance(0.2))
    if max(attributes.get("dilations", [1])) > 1:
        attributes.pop("pads", None)
    elif "auto_pad" not in attributes and draw.chance(0.3):
        attributes["ceil_mode"] = 1
    return draw.node("MaxPool", x, **_pads_inside(attributes))


def average_pool(draw: Draw, x: str) -> str:
    """With and without the padding in the count; see CEIL_MODE_VALID."""
    attributes = window(draw, draw.shape(x)[2:], KERNELS[:-1], draw.graph.opset >= 19 and draw.chance(0.2))
    attributes["count_include_pad"] = draw.integer(0, 1)
    if "auto_pad" not in attributes and draw.chance(0.3):
        attributes["ceil_mode"] = 1
    return draw.node("AveragePool", x, **_pads_inside(attributes))


def _pads_inside(attributes: dict[str, object]) -> dict[str, object]:
    """A pool's pads are smaller than its kernel."""
    if "pads" not in attributes:
        return attributes
    sizes = attributes["kernel_shape"] * 2
    return attributes | {"pads": [min(pad, size - 1) for pad, size in zip(attributes["pads"], sizes)]}


def residual(draw: Draw, x: str) -> None:
    """A convolution or two beside a shortcut."""
    channels = draw.shape(x)[1]
    y = same(draw, x, channels, 3)
    if draw.chance(0.5):
        y = same(draw, draw.node("Relu", y), channels, 3)
    y = draw.node("Add", *draw.rng.permutation([x, y]).tolist())
    if draw.chance(0.7):
        draw.node("Relu", y)


def squeeze_excite(draw: Draw, x: str) -> None:
    """Channels scaled by what a small network makes of their means."""
    y = same(draw, draw.node("GlobalAveragePool", x), draw.integer(1, 8), 1)
    y = same(draw, draw.node("Relu", y), draw.shape(x)[1], 1)
    y = draw.node(draw.choice(("Sigmoid", "HardSigmoid")), y)
    draw.node("Mul", *draw.rng.permutation([x, y]).tolist())


def inverted_residual(draw: Draw, x: str) -> None:
    """Expansion, depthwise, projection, as MobileNet has it."""
    channels = draw.shape(x)[1]
    wide = channels * draw.integer(1, 3)
    bounds = (draw.constant(np.float32(bound)) for bound in (0, 6))
    y = draw.node("Clip", same(draw, x, wide, 1), *bounds)
    y = draw.node("Relu", same(draw, y, wide, 3, groups=wide))
    draw.node("Add", x, same(draw, y, channels, 1))


def shuffle(draw: Draw, x: str) -> None:
    """Channels of groups mixed, as ShuffleNet does it."""
    batch, channels, *extents = draw.shape(x)
    groups = draw.choice([count for count in range(2, channels) if channels % count == 0])
    y = draw.node("Reshape", x, draw.ints([batch, groups, channels // groups, int(np.prod(extents))]))
    y = draw.node("Transpose", y, perm=[0, 2, 1, 3])
    draw.node("Reshape", y, draw.ints([batch, channels, *extents]))


def towers(draw: Draw, x: str) -> None:
    """Branches of one value, concatenated."""
    branches = []
    for _ in range(draw.integer(2, 3)):
        y = same(draw, x, draw.integer(1, 8), draw.choice((1, 3))) if draw.chance(0.7) else x
        branches.append(draw.node("Relu", y) if draw.chance(0.7) or y == x else y)
    draw.node("Concat", *branches, axis=1)


ROWS = (
    Row("Conv", 9, conv, (3, 4)),
    Row("Conv, depthwise", 3, depthwise, (3, 4)),
    Row("MaxPool", 2, max_pool, (3, 4)),
    Row("AveragePool", 2, average_pool, (3, 4)),
    Row("GlobalAveragePool", 1, lambda draw, x: draw.node("GlobalAveragePool", x), (3, 4)),
    Row("GlobalMaxPool", 1, lambda draw, x: draw.node("GlobalMaxPool", x), (3, 4)),
    Row("residual block", 3, residual, (3, 4)),
    Row("squeeze and excitation", 1, squeeze_excite, (3, 4)),
    Row("inverted residual", 1, inverted_residual, (4,)),
    Row("channel shuffle", 0.5, shuffle, (3, 4)),
    Row("towers", 1, towers, (3, 4)),
)
