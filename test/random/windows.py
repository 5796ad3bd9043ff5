"""Rows of convolutions and pools."""

from __future__ import annotations

import numpy as np

from draw import MOST_MACS, Draw, Row
from graph import Illegal

# Faults of ONNX Runtime, which are not drawn.
DILATED_MAX_POOL = "a dilated max pool whose window may see padding alone: onnxruntime 1.32 returns the lowest float or garbage"


def window(draw: Draw, extents: tuple[int, ...], most: int, dilated: bool, pads: str = "any") -> dict[str, list[int]]:
    """Attributes of a window that fits an input of these extents. `pads` are `any`, or `inside` of the kernel's reach."""
    rank = len(extents)
    kernel = [draw.choice((1, 2, 3, 3, 3, 5, 7)[: most]) for _ in range(rank)]
    if draw.chance(0.6):
        kernel = kernel[:1] * rank
    dilations = [draw.choice((1, 1, 1, 2, 3)) if dilated else 1 for _ in range(rank)]
    strides = [draw.choice((1, 1, 1, 2, 2, 3)) for _ in range(rank)]
    if draw.chance(0.6):
        dilations, strides = dilations[:1] * rank, strides[:1] * rank
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations)]
    attributes = {"kernel_shape": kernel, "strides": strides}
    if dilated:
        attributes["dilations"] = dilations
    if draw.chance(0.15) and max(dilations) == 1:
        attributes["auto_pad"] = draw.choice(("SAME_UPPER", "SAME_LOWER", "VALID"))
    elif draw.chance(0.7):
        # "Same" where the stride is 1: values of one shape meet again.
        begin, end = [size // 2 for size in reach], [(size - 1) // 2 for size in reach]
        if draw.chance(0.3):
            limits = [size - 1 if pads == "inside" else size for size in reach]
            begin, end = ([draw.integer(0, limit) for limit in limits] for _ in range(2))
        attributes["pads"] = begin + end
    padding = attributes.get("pads", [0] * 2 * rank)
    automatic = "auto_pad" in attributes and attributes["auto_pad"] != "VALID"
    for at, extent in enumerate(extents):
        if not automatic and extent + padding[at] + padding[rank + at] < reach[at]:
            raise Illegal("the window is larger than its input")
    return attributes


def conv(draw: Draw, x: str, groups: int | None = None, same: bool = False) -> str:
    """Any convolution of x; `same` keeps its shape."""
    _, channels, *extents = draw.shape(x)
    if groups is None:
        groups = draw.choice([count for count in range(1, channels + 1) if channels % count == 0] if draw.chance(0.2) else (1,))
    filters = channels if same else groups * max(1, draw.integer(1, 32) // groups)
    size = 3 if same else 0
    attributes = {"kernel_shape": [size] * len(extents), "pads": [size // 2] * 2 * len(extents)} if same else window(draw, tuple(extents), 7, True)
    kernel = attributes["kernel_shape"]
    if not draw.chance(0.5):
        attributes = {key: value for key, value in attributes.items() if key != "kernel_shape"}
    taps = (channels // groups) * int(np.prod(kernel))
    if filters * taps * int(np.prod(extents)) * draw.shape(x)[0] > MOST_MACS:
        raise Illegal("too many multiplications")
    weights = [draw.constant(draw.normal(filters, channels // groups, *kernel, scale=taps**-0.5))]
    if draw.chance(0.6):
        weights.append(draw.constant(draw.normal(filters)))
    return draw.node("Conv", x, *weights, group=groups, **attributes)


def depthwise(draw: Draw, x: str) -> str:
    """One filter or more for each channel."""
    return conv(draw, x, groups=draw.shape(x)[1])


def max_pool(draw: Draw, x: str) -> str:
    """See DILATED_MAX_POOL: where it dilates, every window has the middle of the input."""
    extents = draw.shape(x)[2:]
    attributes = window(draw, extents, 6, draw.chance(0.2), pads="inside")
    if max(attributes.get("dilations", [1])) > 1:
        attributes = {key: value for key, value in attributes.items() if key not in ("pads", "auto_pad")}
        _fits(attributes, extents)
    elif draw.chance(0.3):
        attributes["ceil_mode"] = 1
    return draw.node("MaxPool", x, **_inside(attributes))


def average_pool(draw: Draw, x: str) -> str:
    """With and without the padding in the count."""
    attributes = window(draw, draw.shape(x)[2:], 6, draw.graph.opset >= 19 and draw.chance(0.2), pads="inside")
    attributes["count_include_pad"] = draw.integer(0, 1)
    if draw.chance(0.3):
        attributes["ceil_mode"] = 1
    return draw.node("AveragePool", x, **_inside(attributes))


def _fits(attributes: dict[str, list[int]], extents: tuple[int, ...]) -> None:
    reach = [(size - 1) * by + 1 for size, by in zip(attributes["kernel_shape"], attributes["dilations"])]
    if any(size > extent for size, extent in zip(reach, extents)):
        raise Illegal("the window is larger than its input")


def _inside(attributes: dict[str, list[int]]) -> dict[str, list[int]]:
    """A pool's pads are smaller than its kernel."""
    if "pads" in attributes:
        kernel = attributes["kernel_shape"] * 2
        attributes["pads"] = [min(pad, size - 1) for pad, size in zip(attributes["pads"], kernel)]
    return attributes


def residual(draw: Draw, x: str) -> None:
    """A convolution or two beside a shortcut."""
    y = conv(draw, x, groups=1, same=True)
    if draw.chance(0.5):
        y = conv(draw, draw.node("Relu", y), groups=1, same=True)
    y = draw.node("Add", *draw.rng.permutation([x, y]).tolist())
    if draw.chance(0.7):
        draw.node("Relu", y)


def squeeze_excite(draw: Draw, x: str) -> None:
    """Channels scaled by what a small network makes of their means."""
    y = draw.node("GlobalAveragePool", x)
    channels = draw.shape(x)[1]
    for filters, activation in ((draw.integer(1, 8), "Relu"), (channels, draw.choice(("Sigmoid", "HardSigmoid")))):
        weight = draw.normal(filters, draw.shape(y)[1], *[1] * (len(draw.shape(x)) - 2))
        y = draw.node(activation, draw.node("Conv", y, draw.constant(weight)))
    draw.node("Mul", *draw.rng.permutation([x, y]).tolist())


def inverted_residual(draw: Draw, x: str) -> None:
    """Expansion, depthwise, projection, as MobileNet has it."""
    channels, ranks = draw.shape(x)[1], len(draw.shape(x)) - 2
    wide = channels * draw.integer(1, 3)

    def pointwise(y: str, filters: int) -> str:
        depth = draw.shape(y)[1]
        return draw.node("Conv", y, draw.constant(draw.normal(filters, depth, *[1] * ranks, scale=depth**-0.5)))

    y = draw.node("Clip", pointwise(x, wide), draw.constant(np.float32(0)), draw.constant(np.float32(6)))
    taps = draw.constant(draw.normal(wide, 1, *[3] * ranks, scale=0.4))
    y = draw.node("Relu", draw.node("Conv", y, taps, group=wide, pads=[1] * 2 * ranks))
    draw.node("Add", x, pointwise(y, channels))


def shuffle(draw: Draw, x: str) -> None:
    """Channels of groups mixed, as ShuffleNet does it."""
    batch, channels, *extents = draw.shape(x)
    groups = draw.choice([count for count in range(2, channels) if channels % count == 0])
    y = draw.node("Reshape", x, draw.ints([batch, groups, channels // groups, int(np.prod(extents))]))
    y = draw.node("Transpose", y, perm=[0, 2, 1, 3])
    draw.node("Reshape", y, draw.ints([batch, channels, *extents]))


def towers(draw: Draw, x: str) -> None:
    """Branches of one value, concatenated."""
    branches = [conv(draw, x, groups=1, same=True) if draw.chance(0.5) else draw.node("Relu", x) for _ in range(draw.integer(2, 3))]
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
