"""Links objects with the runtime as runtime/target/README.md says: its parts are compiled once, not for every graph."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import ait

CACHE = Path(os.environ.get("AIT_CACHE", ait.REPO / ".cache"))
RUNTIME = ait.REPO / "runtime/target"
# Every program has this name, so that one `main` does for all.
MODEL = "model"
SYMBOLS = (f"-DAIT_PROGRAM={MODEL}_program", f"-DAIT_WEIGHTS={MODEL}_weights", f"-DAIT_WEIGHTS_END={MODEL}_weights_end")
CLANG = ("clang-22", "--target=riscv64-linux-gnu", "-march=rv64gc", "-std=c11", "-O2", *SYMBOLS, "-isystem",
         str(CACHE / "xnnpack/include"))  # fmt: skip
POOL = (f"-L{CACHE / 'xnnpack/lib'}", "-lpthreadpool", "-lm")
XNNPACK = (f"-L{CACHE / 'xnnpack/lib'}", "-lXNNPACK", "-lmicrokernels-prod", *POOL)


class Linker:
    """The parts, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.parts = [self._compile(name, folder) for name in ("ait_main", "ait_npy", "ait_runtime")]
        self.xnn = self._compile("ait_xnn", folder)

    def link(self, out: Path) -> None:
        """Makes the executable of what `ait compile --emit=obj` put into `out`."""
        program = out / f"{MODEL}.o"
        weights = f'-DAIT_WEIGHTS_FILE="{out / MODEL}.weights"'
        parts = (str(RUNTIME / "ait_weights.S"), str(program), *self.parts)
        calls_xnnpack = b"ait_xnn_" in program.read_bytes()
        libraries = (self.xnn, *XNNPACK) if calls_xnnpack else POOL
        linker = ("-fuse-ld=lld-22", "-static", "-Wl,--gc-sections", "-o", str(out / MODEL))
        subprocess.run([*CLANG, weights, *parts, *libraries, *linker], check=True)

    @staticmethod
    def _compile(name: str, folder: Path) -> str:
        result = str(folder / f"{name}.o")
        subprocess.run([*CLANG, "-ffunction-sections", "-c", str(RUNTIME / f"{name}.c"), "-o", result], check=True)
        return result
