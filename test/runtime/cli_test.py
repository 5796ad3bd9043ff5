"""ait_main.c and ait_npy.c in QEMU on the program of demo.c, with numpy as the oracle for files.

usage: cli_test.py QEMU EMBEDDED PLAIN      executables with and without embedded weights; cwd has demo.weights
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy

QEMU, EMBEDDED, PLAIN = sys.argv[1:]
CPU = "rv64,v=true,vlen=256,elen=64,vext_spec=v1.0,rvv_ta_all_1s=true,rvv_ma_all_1s=true"
failed = False


def check(passed: bool, name: str) -> None:
    """One line per check, counted by run.sh."""
    global failed
    failed |= not passed
    print("ok" if passed else "FAILED", name, flush=True)


def run(program: str, *args: str, cpu: str = CPU) -> subprocess.CompletedProcess[str]:
    """The program in QEMU."""
    return subprocess.run([QEMU, "-cpu", cpu, program, *args], capture_output=True, text=True, timeout=60)


def expect_error(name: str, message: str, program: str, *args: str, code: int = 1, cpu: str = CPU) -> None:
    """The program must fail with one line that contains `message`, and leave y.npy as it was."""
    Path("y.npy").write_text("old")
    result = run(program, *args, "--output", "y.npy", cpu=cpu)
    one_line = result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    passed = result.returncode == code and one_line and message in result.stderr
    passed = passed and Path("y.npy").read_text() == "old" and not Path("y.npy.part").exists()
    check(passed, f"{name}: exit {result.returncode}: {result.stderr.strip()}")


def npy(array: numpy.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    """The array as a file of that format version."""
    file = io.BytesIO()
    numpy.lib.format.write_array(file, array, version=version)
    return file.getvalue()


x = numpy.arange(-32, 32, dtype=numpy.float32).reshape(4, 16)
y = numpy.maximum(0.5 * x + 1, 0)
numpy.save("x.npy", x)

# Good runs.
for name, program, args in [
    ("embedded weights", EMBEDDED, ["x.npy"]),
    ("weights file", PLAIN, ["x.npy", "--weights", "demo.weights"]),
    ("weights file instead of embedded", EMBEDDED, ["x.npy", "--weights", "demo.weights"]),
    ("named input, poison, threads", EMBEDDED, ["--input", "x=x.npy", "--poison", "--threads", "2"]),
    ("all cores", EMBEDDED, ["x.npy", "--threads", "0"]),
]:
    Path("y.npy").unlink(missing_ok=True)
    result = run(program, *args, "--output", "y.npy")
    check(result.returncode == 0 and numpy.array_equal(numpy.load("y.npy"), y), f"{name} {result.stderr}")
for version in [(1, 0), (2, 0), (3, 0)]:
    Path("v.npy").write_bytes(npy(x, version))
    result = run(EMBEDDED, "v.npy", "--output", "y=y.npy")
    check(result.returncode == 0 and numpy.array_equal(numpy.load("y.npy"), y), f"npy format {version} {result.stderr}")
result = run(EMBEDDED, "x.npy", "--repeat", "3", "--profile", "p.json")
profile = json.loads(Path("p.json").read_text())
check(result.stdout.startswith("3 runs, "), f"repeat: {result.stdout.strip()}")
check(profile["runs"] == 3 and profile["vlen"] == 256 and profile["model"] == "demo", "profile")
check([layer["name"] for layer in profile["layers"]] == ["Mul_0", 'Relu "1"'], "layers of the profile")
check(sum(layer["ns"] for layer in profile["layers"]) == profile["ns"] > 0, "times of the profile")
result = run(EMBEDDED, "--help")
check(result.returncode == 0 and "  x  4x16\n" in result.stdout, "help lists the inputs")

# A core without the vector unit.
for cpu in ["rv64,v=false", "rv64,v=false,zve32f=true"]:
    expect_error(f"no vector unit ({cpu})", "no RVV 1.0", EMBEDDED, "x.npy", code=3, cpu=cpu)
    expect_error(f"no vector unit ({cpu}), weights file", "no RVV 1.0", PLAIN, "x.npy", "--weights", "demo.weights",
                 code=3, cpu=cpu)  # fmt: skip

# Bad command lines and files.
expect_error("no input", "no file for input: x", EMBEDDED)
expect_error("missing input", "none.npy: cannot open", EMBEDDED, "none.npy")
expect_error("too many inputs", "more.npy", EMBEDDED, "x.npy", "more.npy")
expect_error("an input twice", "repeated argument (see --help): --input", EMBEDDED, "--input", "x=x.npy", "--input", "x=more.npy")
expect_error("unknown option", "--frobnicate", EMBEDDED, "x.npy", "--frobnicate", "1")
expect_error("option without value", "--threads", EMBEDDED, "--threads")
expect_error("bad number", "--threads", EMBEDDED, "x.npy", "--threads", "two")
expect_error("too many threads", "1000 threads", EMBEDDED, "x.npy", "--threads", "1000")
expect_error("no weights", "needs 256 bytes of weights", PLAIN, "x.npy")
expect_error("missing weights", "none: cannot open", PLAIN, "x.npy", "--weights", "none")
expect_error("wrong weights", "needs 256 bytes of weights", PLAIN, "x.npy", "--weights", "x.npy")
Path("damaged.weights").write_bytes(b"\1" + Path("demo.weights").read_bytes()[1:])
expect_error("damaged weights", "checksum", PLAIN, "x.npy", "--weights", "damaged.weights")
good = npy(x)
shape = b"'shape': (4, 16), }"
for name, message, data in [
    ("empty", "not a .npy file", b""),
    ("text", "not a .npy file", b"hello, this is text"),
    ("format 4", "format 4", good[:6] + b"\4" + good[7:]),
    ("header cut off", "truncated header", good[:40]),
    ("length cut off", "truncated header", good[:9]),
    ("huge header", "header of", good[:6] + b"\2\0\xff\xff\xff\xff"),
    ("data cut off", "truncated: 63 of 64", good[:-1]),
    ("extra data", "more data", good + b"\0"),
    ("float64", "dtype '<f8'", npy(x.astype(numpy.float64))),
    ("big endian", "dtype '>f4'", npy(x.astype(">f4"))),
    ("Fortran order", "Fortran order", npy(numpy.asfortranarray(x))),
    ("transposed", "shape 16x4, not 4x16 as 'x' needs", npy(x.T.copy())),
    ("flat", "shape 64, not 4x16", npy(x.ravel())),
    ("scalar", "shape scalar, not 4x16", npy(numpy.float32(1))),
    ("no shape", "malformed header", good.replace(b"shape", b"shapy")),
    ("shape not closed", "malformed header", good.replace(shape, shape.replace(b"), }", b"   }"))),
    ("negative shape", "malformed header", good.replace(b"(4, 16)", b"(-4,16)")),
    ("too many dimensions", "malformed header", npy(x.reshape([1] * 8 + [64]))),
]:
    Path("bad.npy").write_bytes(data)
    expect_error(f"npy {name}", message, EMBEDDED, "bad.npy")
result = run(EMBEDDED, "x.npy", "--output", "no/such/directory/y.npy")
check(result.returncode == 1 and "cannot write" in result.stderr, "output that cannot be written")
for device, code in [("/dev/null", 0), ("/dev/full", 1)]:
    result = run(EMBEDDED, "x.npy", "--output", device)
    passed = result.returncode == code and not Path(device).is_file() and not Path(device + ".part").exists()
    check(passed, f"{device} stays a device: exit {result.returncode} {result.stderr.strip()}")
with open("/dev/full", "w") as full:
    result = subprocess.run([QEMU, "-cpu", CPU, EMBEDDED, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    check(result.returncode == 1 and "standard output" in result.stderr, f"full device: {result.stderr.strip()}")
check(not [name for name in os.listdir() if name.endswith(".part")], "no partial files are left")
sys.exit(failed)
