"""Random cases of every op of the reference, answered by ONNX Runtime.

usage: reference_cases.py DIRECTORY: writes cases.json, and <case>.<i>.npy and <case>.out.npy per case.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

DIRECTORY = pathlib.Path(sys.argv[1])
RNG = np.random.default_rng(20261123)
CASES = []


def tensor(*shape):
    return RNG.standard_normal(shape, dtype=np.float32)


def answer(node_op, inputs, constants=(), **attributes):
    names = [f"x{i}" for i in range(len(inputs))]
    extra = [numpy_helper.from_array(value, f"c{i}") for i, value in enumerate(constants)]
    node = helper.make_node(node_op, names + [e.name for e in extra], ["y"], **attributes)
    values = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, x.shape) for n, x in zip(names, inputs)]
    out = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "case", values, [out], extra)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(names, inputs)))[0]


def case(op, inputs, out, **attributes):
    name = f"{len(CASES)}_{op}"
    CASES.append({"name": name, "op": op, "inputs": len(inputs), **attributes})
    for i, value in enumerate(inputs):
        np.save(DIRECTORY / f"{name}.{i}.npy", value)
    np.save(DIRECTORY / f"{name}.out.npy", np.ascontiguousarray(out))


def pick(*values):
    return values[RNG.integers(len(values))]


def window():
    return {"strides": [pick(1, 2), pick(1, 2, 3)], "pads": [int(p) for p in RNG.integers(0, 3, 4)],
            "dilations": [pick(1, 2), pick(1, 2)]}


def convolutions():
    for _ in range(24):
        groups, cg, kg, kernel = pick(1, 2, 3), pick(1, 2, 4), pick(1, 3), [pick(1, 2, 3), pick(1, 3, 5)]
        inputs = [tensor(pick(1, 2), groups * cg, 9, 11), tensor(groups * kg, cg, *kernel), tensor(groups * kg)]
        w = window()
        case("conv2d", inputs, answer("Conv", inputs, group=groups, **w), groups=groups, **w)


def pools():
    for _ in range(24):
        x, kernel = [tensor(2, 3, pick(7, 8, 9), 10)], [pick(2, 3), pick(2, 3)]
        w = window()
        w["pads"] = [min(p, k - 1) for p, k in zip(w["pads"], kernel * 2)]
        ceil = pick(0, 1)
        case("max_pool2d", x, answer("MaxPool", x, kernel_shape=kernel, ceil_mode=ceil, **w),
             kernel=kernel, ceil_mode=bool(ceil), **w)
        include = pick(0, 1)
        y = answer("AveragePool", x, kernel_shape=kernel, ceil_mode=ceil, count_include_pad=include, **w)
        case("avg_pool2d", x, y, kernel=kernel, ceil_mode=bool(ceil), count_include_pad=bool(include), **w)
    x = [tensor(2, 3, 4, 5)]
    case("global_avg_pool", x, answer("GlobalAveragePool", x))
    case("global_max_pool", x, answer("GlobalMaxPool", x))


def elementwise():
    for op in ["add", "sub", "mul", "div"]:
        for lhs, rhs in [((2, 3, 4), (2, 3, 4)), ((2, 1, 4), (3, 1)), ((), (2, 2)), ((1, 3, 1, 1), (2, 3, 4, 5))]:
            inputs = [tensor(*lhs), tensor(*rhs)]
            case(op, inputs, answer(op.capitalize(), inputs))
    for slope in [(), (1,), (3, 1, 1), (1, 3, 4, 5), (5,)]:
        inputs = [tensor(2, 3, 4, 5), tensor(*slope)]
        case("prelu", inputs, answer("PRelu", inputs))
    inputs = [tensor(2, 3, 4, 5), tensor(3), tensor(3), tensor(3), np.abs(tensor(3))]
    case("batch_norm", inputs, answer("BatchNormalization", inputs, epsilon=0.01), epsilon=0.01)


def activations():
    x = [np.concatenate([4 * tensor(50), np.float32([0, -0.0, 100, -100, np.inf, -np.inf])])]
    for op, act, attributes in [("Relu", "relu", {}), ("LeakyRelu", "leaky_relu", {"alpha": 0.3}),
                                ("Sigmoid", "sigmoid", {}), ("HardSigmoid", "hard_sigmoid", {"alpha": 0.3, "beta": 0.4}),
                                ("Tanh", "tanh", {}), ("Elu", "elu", {"alpha": 1.5})]:
        case("activation", x, answer(op, x, **attributes), act=act, **attributes)
    case("activation", x, answer("Clip", x, [np.float32(-1), np.float32(2)]), act="clip", min=-1.0, max=2.0)
    finite = [x[0][np.isfinite(x[0])]]
    case("activation", finite, answer("HardSwish", finite), act="hard_swish")
    case("activation", finite, finite[0] * answer("Sigmoid", finite), act="silu")


def matrices():
    for m, k, n in [(1, 7, 5), (3, 1, 4), (4, 33, 2)]:
        inputs = [tensor(m, k), tensor(n, k), tensor(n)]
        case("gemm", inputs, answer("Gemm", inputs, transB=1))
    for lhs, rhs in [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2))]:
        inputs = [tensor(*lhs), tensor(*rhs)]
        case("matmul", inputs, answer("MatMul", inputs))


def movement():
    x = [tensor(2, 3, 4, 5)]
    for permutation in [[0, 2, 3, 1], [3, 1, 0, 2], [0, 1, 2, 3]]:
        case("transpose", x, answer("Transpose", x, perm=permutation), permutation=permutation)
    for axis in range(4):
        inputs = [tensor(2, 3, 4, 5), tensor(*(7 if d == axis else s for d, s in enumerate((2, 3, 4, 5))))]
        case("concat", inputs, answer("Concat", inputs, axis=axis), axis=axis)
        case("softmax", x, answer("Softmax", x, axis=axis), axis=axis)
    starts, steps, sizes = [1, 2, 0, 4], [1, -1, 2, -2], [1, 3, 2, 2]
    ends = [s + n * t for s, n, t in zip(starts, sizes, steps)]
    ends = [e if t > 0 else (e if e >= 0 else -1000) for e, t in zip(ends, steps)]
    constants = [np.int64(v) for v in (starts, ends, [0, 1, 2, 3], steps)]
    case("slice", x, answer("Slice", x, constants), starts=starts, sizes=sizes, steps=steps)
    low, high = [0, 1, 2, 0], [1, 0, 0, 3]
    case("pad", x, answer("Pad", x, [np.int64(low + high), np.float32(0.5)]), low=low, high=high, value=0.5)


for generate in [convolutions, pools, elementwise, activations, matrices, movement]:
    generate()
(DIRECTORY / "cases.json").write_text(json.dumps(CASES))
