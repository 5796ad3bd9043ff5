"""lit's configuration: tests are .mlir and .test files with RUN lines. See docs/testing.md."""

import os
from pathlib import Path

import lit.formats

REPO = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("AIT_CACHE", REPO / ".cache"))
PYTHON = CACHE / "venv/bin/python"
# Tails and masked-off elements become ones, so that code that reads them is found out.
QEMU_CPU = "rv64,v=true,vlen={vlen},elen=64,vext_spec=v1.0,rvv_ta_all_1s=true,rvv_ma_all_1s=true"

config.name = "ait"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["src", "oracle", "pipeline", "onnx_node", "random", "Inputs"]
config.test_source_root = str(REPO / "test")
config.test_exec_root = str(REPO / "target/lit")

# One program is all three tools, by its name.
tools = REPO / "target/bin"
tools.mkdir(parents=True, exist_ok=True)
for name in ("ait", "ait-opt", "ait-translate"):
    own = REPO / "target/debug" / name
    link = tools / f"{name}.{os.getpid()}"
    link.symlink_to(own if own.exists() else REPO / "target/debug/ait")
    link.replace(tools / name)

config.environment["PATH"] = os.pathsep.join([str(tools), "/usr/lib/llvm-22/bin", os.environ["PATH"]])
config.environment["AIT_CACHE"] = str(CACHE)
for variable in ("BLESS", "HOME", "TMPDIR"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]

qemu = CACHE / "qemu/bin/qemu-riscv64"
config.substitutions += [
    (f"%qemu{vlen}", f"{qemu} -cpu {QEMU_CPU.format(vlen=vlen)}") for vlen in (128, 256, 512, 1024)
]
config.substitutions += [
    ("%qemu_no_v", f"{qemu} -cpu rv64,v=false"),
    ("%qemu", f"{qemu} -cpu {QEMU_CPU.format(vlen=256)}"),
    ("%python", str(PYTHON)),
    ("%diff_golden", f"{PYTHON} {REPO}/test/golden.py"),
    ("%oracle", str(REPO / "test/oracle")),
    ("%models", str(CACHE / "models")),
    ("%repo", str(REPO)),
]
