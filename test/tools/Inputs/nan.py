"""A network in which every op has a NaN among its operands, compared with ONNX Runtime: nan.py DIRECTORY LAYOUT..."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IMAGE, MATRIX = (1, 8, 6, 6), (3, 8)
# What arithmetic does not make: a sign, a payload, a signalling NaN.
NANS = np.array([0xFFC12345, 0x7FFFFFFF, 0xFF812345], np.uint32).view(np.float32)


def inputs():
    random = np.random.default_rng(1)
    x, m = (random.standard_normal(shape).astype(np.float32) for shape in (IMAGE, MATRIX))
    x[0, 1, 2, 3], x[0, 6, 5, 5], m[1, 2] = NANS
    return {"x": x, "m": m}


class Network:
    """Nodes, each of which is an output of the network unless it is `hidden`."""

    def __init__(self):
        self.nodes, self.constants, self.outputs = [], {}, []
        self.random = np.random.default_rng(2)

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, np.float32)
        return name

    def weights(self, *shape):
        return self.constant(self.random.standard_normal(shape))

    def op(self, kind, *operands, hidden=False, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, operands, [name], name=name, **attributes))
        if not hidden:
            self.outputs.append(name)
        return name

    def conv(self, *shape, hidden=True, **attributes):
        return self.op("Conv", "x", self.weights(*shape), self.weights(shape[0]), hidden=hidden, **attributes)

    def activations(self, of, kinds, slopes):
        for low, high in [(0, 6), (-0.5, 0.5), (0.25, 0.5), (None, 0.5), (None, -0.5)]:
            bounds = ["" if bound is None else self.constant(bound) for bound in (low, high)]
            self.op("Clip", of, *bounds)
        for kind in kinds:
            self.op(kind, of)
        for alpha in slopes:
            self.op("LeakyRelu", of, alpha=alpha)
        self.op("Mul", of, self.op("Sigmoid", of, hidden=True))

    def model(self, nodes, feeds, outputs):
        value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        given = [value(name, data.shape) for name, data in feeds.items()]
        constants = [numpy_helper.from_array(data, name) for name, data in self.constants.items()]
        graph = helper.make_graph(nodes, "nan", given, [value(name, None) for name in outputs], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
        model.ir_version = 8
        return model


def network():
    n = Network()
    n.activations("x", ["Relu", "HardSigmoid", "HardSwish", "Sigmoid", "Tanh", "Elu"], [0.1, 2.0, 0.0])
    n.activations(n.conv(12, 8, 3, 3), ["Relu", "HardSigmoid", "Elu"], [0.1])
    n.conv(5, 8, 1, 1, hidden=False)
    n.op("Relu", n.conv(8, 2, 3, 3, group=4, pads=[1] * 4))
    n.conv(8, 1, 7, 7, group=8, pads=[3] * 4, hidden=False)
    for size in (1, 3, 5):
        n.op("Clip", n.conv(8, 1, size, size, group=8, pads=[size // 2] * 4), n.constant(0), n.constant(6))
    n.op("Relu", n.op("Add", n.conv(8, 8, 3, 3, pads=[1] * 4), "x", hidden=True))
    n.op("Clip", n.op("Clip", "x", n.constant(-1), n.constant(1), hidden=True), n.constant(0), n.constant(3))
    for kind in ("Add", "Sub", "Mul", "Div"):
        n.op(kind, "x", n.weights(1, 8, 1, 1))
        n.op("Relu", n.op(kind, "x", n.op("Sigmoid", "x", hidden=True), hidden=True))
    n.op("Add", "x", n.constant(0))
    n.op("Mul", "x", n.constant(0))
    n.op("PRelu", "x", n.weights(8, 1, 1))
    norm = [n.weights(8), n.weights(8), n.weights(8), n.constant(np.full(8, 0.5))]
    n.op("Relu", n.op("BatchNormalization", "x", *norm, hidden=True))
    n.op("Softmax", "x", axis=1)
    n.op("Softmax", "x", axis=3)
    n.op("AveragePool", "x", kernel_shape=[2, 2])
    n.op("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    n.op("AveragePool", n.conv(8, 8, 1, 1), kernel_shape=[2, 2])
    n.op("GlobalAveragePool", "x")
    n.op("MaxPool", "x", kernel_shape=[2, 2])
    n.op("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    n.op("Relu", n.op("MaxPool", n.conv(8, 8, 1, 1), kernel_shape=[3, 3], pads=[1] * 4, hidden=True))
    n.op("GlobalMaxPool", "x")
    n.op("GlobalMaxPool", n.op("Relu", "x", hidden=True))
    n.op("Concat", "x", n.op("Relu", "x", hidden=True), axis=1)
    n.op("Gemm", "m", n.weights(8, 5), n.weights(5))
    n.op("Relu", n.op("Gemm", "m", n.weights(8, 5), n.weights(5), hidden=True))
    n.op("MatMul", "m", n.weights(8, 40))
    n.op("Softmax", "m", axis=1)
    n.op("Relu", "m")
    return n


def windows(node, x):
    """The largest of every window of a max pool, NaN where one of its elements is."""
    given = {attribute.name: list(attribute.ints) for attribute in node.attribute}
    kernel = given.get("kernel_shape", x.shape[2:])
    (top, left, bottom, right), (sh, sw) = given.get("pads", [0] * 4), given.get("strides", [1, 1])
    x = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)], constant_values=-np.inf)
    views = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return views[:, :, ::sh, ::sw].max(axis=(4, 5))


def expected(n, feeds):
    """ONNX Runtime's answers, node by node. Whether it sees a NaN in a max pool depends on the place in the window: there
    numpy's."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    known = dict(feeds)
    for node in n.nodes:
        [name] = node.output
        if node.op_type in ("MaxPool", "GlobalMaxPool"):
            known[name] = windows(node, known[node.input[0]])
            continue
        given = {operand: known[operand] for operand in node.input if operand in known}
        model = n.model([node], given, [name]).SerializeToString()
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        [known[name]] = session.run([name], given)
    return known


def compare(n, layout, vlen, directory, want):
    """Prints the outputs that are wrong."""
    wrong = 0
    for name in n.outputs:
        got, expected = np.load(directory / "got" / f"{name}.npy"), want[name]
        assert np.isnan(expected).any(), f"{name} tests nothing"
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1)
        with np.errstate(invalid="ignore"):
            same = got.shape == expected.shape and np.allclose(got, expected, 1e-4, 1e-5 * scale, equal_nan=True)
        if not same:
            wrong += 1
            there = (np.isnan(expected) & np.isnan(got)).sum() if got.shape == expected.shape else 0
            print(f"{name}: {np.isnan(expected).sum()} NaN expected, {there} there, {np.isnan(got).sum()} in all")
    print(f"{layout} at VLEN {vlen}: {'right' if wrong == 0 else f'{wrong} of {len(n.outputs)} wrong'}")


def main(directory, *layouts):
    n, feeds = network(), inputs()
    want = expected(n, feeds)
    (directory / "got").mkdir(parents=True, exist_ok=True)
    onnx.save(n.model(n.nodes, feeds, n.outputs), directory / "model.onnx")
    for name, data in feeds.items():
        np.save(directory / f"{name}.npy", data)
    files = [f"--input={name}={directory}/{name}.npy" for name in feeds]
    files += [f"--output={name}={directory}/got/{name}.npy" for name in n.outputs]
    for layout in layouts:
        built = directory / layout
        command = ["ait", "compile", directory / "model.onnx", "-o", built, "--emit=exe", f"--layout={layout}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for vlen, threads in [(128, 3), (1024, 1)]:
            command = ["ait", "run", built, *files, f"--vlen={vlen}", f"--threads={threads}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            compare(n, layout, vlen, directory, want)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
