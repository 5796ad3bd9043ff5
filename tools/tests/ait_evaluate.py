"""Evaluates modules of the `ait` dialect in numpy and compares them with what an ONNX test expects.

usage: ait_evaluate.py DIR      for every DIR/NAME.mlir, with DIR/NAME.npz as onnx_node_models.py writes it
Prints one line per module that is wrong, then how many were compared. Written from the dialect's reference page, and
shares nothing with the compiler.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import numpy as np

OP = re.compile(r'^\s*(%\w+) = "ait\.(\w+)"\(([^)]*)\)(?: \{(.*)\})? : \([^)]*\) -> (\S+)$')


def number(text: str) -> float:
    """A float as MLIR writes it: decimal, or the bits in hexadecimal."""
    return float(np.uint32(int(text, 16)).view(np.float32)) if text.startswith("0x") else float(text)


def elements(text: str):
    """`dense<...> : tensor<...>`."""
    values, kind = re.fullmatch(r"dense<(.*)> : tensor<(.*)>", text).groups()
    shape = [int(extent) for extent in kind.split("x")[:-1]]
    if values.startswith('"0x'):
        return np.frombuffer(bytes.fromhex(values[3:-1]), dtype="<f4").reshape(shape)
    values = re.sub(r"0x[0-9A-F]{8}", lambda bits: repr(number(bits.group())), values)
    values = re.sub(r"-?\b(inf|nan)\b", lambda word: f"'{word.group()}'", values)
    return np.broadcast_to(np.array(ast.literal_eval(values), dtype=np.float32), shape)


def attributes(text: str):
    """The attributes of an op by name."""
    found = {}
    for name, value in re.findall(r"(\w+) = (\{[^}]*\}|array<i64[^>]*>|[^,]+)", text or ""):
        if value.startswith("{"):
            found[name] = dict(re.findall(r'(\w+) = "?([^," ]+)', value.strip("{}")))
        elif value.startswith("array"):
            found[name] = [int(item) for item in value[6:-1].split(":")[1].split(",")] if ":" in value else []
        elif value in ("true", "false"):
            found[name] = value == "true"
        else:
            found[name] = number(value.split(" : ")[0])
    return found


def activate(x, epilogue):
    """An epilogue."""
    kind = epilogue["act"]
    get = {name: np.float32(number(value)) for name, value in epilogue.items() if name != "act"}

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def hard_sigmoid(x, alpha, beta):
        return np.clip(alpha * x + beta, 0, 1)

    return {
        "identity": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "leaky_relu": lambda: np.where(x >= 0, x, get["alpha"] * x),
        "clip": lambda: np.minimum(np.maximum(x, get["min"]), get["max"]),
        "sigmoid": lambda: sigmoid(x),
        "hard_sigmoid": lambda: hard_sigmoid(x, get["alpha"], get["beta"]),
        "hard_swish": lambda: x * hard_sigmoid(x, 1 / 6, 0.5),
        "tanh": lambda: np.tanh(x),
        "silu": lambda: x * sigmoid(x),
        "elu": lambda: np.where(x >= 0, x, get["alpha"] * (np.exp(np.minimum(x, 0)) - 1)),
    }[kind]()


def windows(x, kernel, attrs, shape):
    """Taps of every window, `N x C x OH x OW x (KH KW)`, NaN outside of the input, and whether they are padding."""
    (sh, sw), (dh, dw) = attrs["strides"], attrs["dilations"]
    top, left, bottom, right = attrs["pads"]
    (h, w), (oh, ow) = x.shape[2:], shape[2:]
    taps = np.full((*x.shape[:2], oh, ow, kernel[0] * kernel[1]), np.nan, dtype=np.float64)
    padding = np.zeros((oh, ow, kernel[0] * kernel[1]), dtype=bool)
    for r in range(oh):
        for c in range(ow):
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    y, z = r * sh - top + i * dh, c * sw - left + j * dw
                    tap = i * kernel[1] + j
                    if 0 <= y < h and 0 <= z < w:
                        taps[:, :, r, c, tap] = x[:, :, y, z]
                    else:
                        padding[r, c, tap] = y < h + bottom and z < w + right
    return taps, padding


def conv2d(x, filters, bias, attrs, shape):
    """Grouped convolution."""
    taps, _ = windows(x, filters.shape[2:], attrs, shape)
    taps = np.nan_to_num(taps)
    groups = int(attrs["groups"])
    parts = []
    for inputs, weights in zip(np.split(taps, groups, axis=1), np.split(filters, groups)):
        weights = weights.reshape(*weights.shape[:2], -1)
        parts.append(np.einsum("nchwt,kct->nkhw", inputs, weights))
    return np.concatenate(parts, axis=1) + bias.reshape(-1, 1, 1)


def avg_pool2d(x, attrs, shape):
    """Mean of the taps inside, or inside of the padded input."""
    taps, padding = windows(x, attrs["kernel"], attrs, shape)
    counts = (~np.isnan(taps)).sum(axis=-1)
    if attrs["count_include_pad"]:
        counts = counts + padding.sum(axis=-1)
    return np.nansum(taps, axis=-1) / counts


def evaluate(name, args, attrs, shape):
    """One op."""
    x = args[0] if args else None
    channel = lambda v: v.reshape(-1, *[1] * (x.ndim - 2))
    result = {
        "conv2d": lambda: conv2d(*args[:3], attrs, shape),
        "gemm": lambda: x @ args[1].T + args[2],
        "matmul": lambda: x @ args[1],
        "batch_norm": lambda: (x - channel(args[3])) / np.sqrt(channel(args[4]) + attrs["epsilon"]) * channel(args[1])
        + channel(args[2]),
        "activation": lambda: x,
        "prelu": lambda: np.where(x >= 0, x, args[1] * x),
        "add": lambda: x + args[1],
        "sub": lambda: x - args[1],
        "mul": lambda: x * args[1],
        "div": lambda: x / args[1],
        "max_pool2d": lambda: np.nanmax(windows(x, attrs["kernel"], attrs, shape)[0], axis=-1),
        "avg_pool2d": lambda: avg_pool2d(x, attrs, shape),
        "global_avg_pool": lambda: x.mean(axis=(2, 3), keepdims=True, dtype=np.float64),
        "global_max_pool": lambda: x.max(axis=(2, 3), keepdims=True),
        "softmax": lambda: softmax(x, int(attrs["axis"])),
        "reshape": lambda: x.reshape(shape),
        "transpose": lambda: x.transpose(attrs["permutation"]),
        "concat": lambda: np.concatenate(args, axis=int(attrs["axis"])),
        "slice": lambda: x[
            np.ix_(
                *[
                    start + step * np.arange(size)
                    for start, size, step in zip(attrs["starts"], attrs["sizes"], attrs["steps"])
                ]
            )
        ],
        "pad": lambda: np.pad(x, list(zip(attrs["low"], attrs["high"])), constant_values=attrs["value"]),
    }[name]()
    return activate(result, attrs["epilogue"]) if "epilogue" in attrs else result


def softmax(x, axis):
    """Along an axis."""
    exp = np.exp(x - x.max(axis=axis, keepdims=True))
    return exp / exp.sum(axis=axis, keepdims=True)


def run(text: str, inputs):
    """The results of `main`."""
    values = {f"%arg{index}": array for index, array in enumerate(inputs)}
    for line in text.splitlines():
        if line.strip().startswith("return"):
            return [values[name] for name in re.findall(r"%\w+", line)]
        match = OP.match(line)
        if not match:
            continue
        result, name, operands, attrs, kind = match.groups()
        if name == "constant":
            values[result] = elements(re.fullmatch(r"value = (.*)", attrs).group(1))
            continue
        shape = [int(extent) for extent in re.fullmatch(r"tensor<(.*)f32>", kind).group(1).split("x")[:-1]]
        args = [values[operand] for operand in re.findall(r"%\w+", operands)]
        values[result] = np.asarray(evaluate(name, args, attributes(attrs), shape)).astype(np.float32)
        assert list(values[result].shape) == shape, f"{line}: {values[result].shape}"
    raise ValueError("no return")


def main() -> None:
    """The command line."""
    np.seterr(all="ignore")
    files = sorted(Path(sys.argv[1]).glob("*.mlir"))
    for path in files:
        with np.load(path.with_suffix(".npz")) as data:
            inputs = [data[key] for key in sorted(data) if key.startswith("in")]
            expected = [data[f"out{index}"] for index in range(sum(key.startswith("out") for key in data))]
        for got, want in zip(run(path.read_text(), inputs), expected, strict=True):
            if got.shape != want.shape:
                print(f"{path.stem}: {got.shape} instead of {want.shape}")
            # Some tests state four digits.
            elif not np.allclose(got, want, rtol=5e-4, atol=1e-5, equal_nan=True):
                print(f"{path.stem}: off by {np.nanmax(np.abs(got - want))}")
    print(f"{len(files)} compared")


if __name__ == "__main__":
    main()
