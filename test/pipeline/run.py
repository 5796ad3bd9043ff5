"""Whole networks: compiled by ait, run in QEMU, compared with ONNX Runtime.

usage: run.py [NETWORK ...] [--jobs N]      default: all. The closing line is `N passed, N failed`.
A case is one run; the largest error may be 1e-3 of the largest output. Torchvision's networks take 64 x 64 noise
at batch 1 and 2; the others their full size once. Pruned networks are compared with ONNX Runtime on the file that
`ait prune` wrote, however ait learns of the zeros: from that file alone, from the mask manifest, or from the flags.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import ait  # noqa: E402
import compare  # noqa: E402
import models  # noqa: E402
import reference  # noqa: E402

LAYOUTS = ("auto", "nhwc", "cnhw")
FULL_SIZE = ("efficientnet_lite0", "opennsfw")
EVERY_VLEN = ("resnet18", "mobilenet_v2")
DENSE_ONLY = ("opennsfw",)
# The longest first, so that no worker is left alone with one at the end.
NETWORKS = ("resnet152", "opennsfw", "efficientnet_lite0", "resnet101", "densenet121", "resnet50", "resnet34",
            "resnet18", "mobilenet_v2")  # fmt: skip

# How sparse, in which layout, at which batch, and what ait is told: the pruned file alone, that with the manifest, or the
# dense file with the flags of `ait prune`.
SPARSE = (
    ("--sparsity=0.25", "cnhw", 1, "file"), ("--sparsity=0.5", "auto", 2, "masks"),
    ("--sparsity=0.75", "auto", 4, "flags"), ("--nm=2:4", "cnhw", 1, "flags"), ("--nm=1:4", "cnhw", 2, "file"),
)  # fmt: skip
SPARSE_EVERY_VLEN = (("--sparsity=0.5", 1, "file"), ("--nm=2:4", 2, "masks"))
WEIGHTS_NETWORK, WEIGHTS_SPARSITY, WEIGHTS_RATIO = "resnet50", "--sparsity=0.5", 0.56

# Kernels of full-size layers: what spills vector registers is an error, and whether it does depends on the shape.
FULL_LAYERS = ("resnet50", "densenet121", "mobilenet_v2")

# Networks that must become an object within seconds (all of it, and saturation with extraction) and memory.
BUDGETS = (("resnet50@224", "0", 15.0), ("resnet152@224", "0", None), ("resnet152@224", "0.5", None),
           ("densenet121@224", "0", None), ("densenet121@224", "0.5", None))  # fmt: skip
EQSAT_S, BUDGET_GB = 20.0, 2.0
# A process of its own: what a child takes is counted from the size of its parent on, and this one may have exported networks.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""

# Networks that are compiled twice, in different places: the same bytes.
REPEATED = (("mobilenet_v2", "0.5"), ("densenet121", "0"))


@dataclass(frozen=True)
class Core:
    """What a run happens on: VLEN in bits, and threads."""

    vlen: int
    threads: int


@dataclass(frozen=True)
class Build:
    """One compilation, and the runs of its executable."""

    network: str
    layout: str
    batch: int
    cores: tuple[Core, ...]
    sparsity: str = ""
    told: str = ""

    def __str__(self) -> str:
        sparse = f" {self.sparsity} from {self.told}" if self.sparsity else ""
        return f"{self.network} {self.layout} batch {self.batch}{sparse}"


def builds(network: str) -> list[Build]:
    """The cases of a network, see docs/testing.md."""
    return dense_builds(network) + ([] if network in DENSE_ONLY else sparse_builds(network))


def sparse_builds(network: str) -> list[Build]:
    """The pruned cases of a network."""
    full_size = network in FULL_SIZE
    cases = [Build(network, layout, 1 if full_size else batch, (Core(512, 2),), sparsity, told)
             for sparsity, layout, batch, told in SPARSE]  # fmt: skip
    if network in EVERY_VLEN:
        cores = (Core(128, 2), Core(256, 1), Core(512, 1))
        cases += [Build(network, "auto", batch, cores, sparsity, told) for sparsity, batch, told in SPARSE_EVERY_VLEN]
    return cases


def dense_builds(network: str) -> list[Build]:
    """The cases of a network as it is."""
    batches = (1,) if network in FULL_SIZE else (1, 2)
    # QEMU is several times faster at VLEN 512 than below; what the other lengths could show, two networks do.
    cores = (Core(512, 2),)
    if network in EVERY_VLEN:
        cores = (Core(128, 1), Core(256, 2), Core(512, 1), Core(512, 2))
    return [Build(network, layout, batch, cores) for batch in batches for layout in LAYOUTS]


def check(build: Build, model: Path) -> list[tuple[bool, str]]:
    """Compiles and runs; whether each run agrees, and a line on it."""
    with tempfile.TemporaryDirectory(prefix="ait-net-") as folder:
        try:
            compiled, known, options = prune(build, model, Path(folder))
            return compare_runs(build, compiled, known, options, Path(folder))
        except (ait.Refused, ait.Crashed) as error:
            return [(False, f"{build}: {error}")]


def prune(build: Build, model: Path, folder: Path) -> tuple[Path, Path, list[str]]:
    """The file to compile, the file that ONNX Runtime runs, and what `ait compile` is told of sparsity."""
    if not build.sparsity:
        return model, model, []
    pruned, masks = folder / model.name, folder / "masks.safetensors"
    ait.prune(model, pruned, build.sparsity, f"--masks={masks}")
    if build.told == "flags":
        return model, pruned, [build.sparsity]
    return pruned, pruned, [f"--masks={masks}"] if build.told == "masks" else []


def compare_runs(
    build: Build, model: Path, known: Path, sparse: list[str], folder: Path
) -> list[tuple[bool, str]]:
    """Compiles `model` and compares its runs with ONNX Runtime's of `known`."""
    runner = reference.session(known)
    inputs = reference.random_inputs(runner, build.batch, seed=build.batch)
    expected = reference.run(runner, inputs)
    lines = []
    start = time.monotonic()
    ait.compile(model, folder, f"--layout={build.layout}", f"--batch={build.batch}", *sparse)
    compiled = time.monotonic() - start
    for core in build.cores:
        start = time.monotonic()
        name = f"{build} vlen {core.vlen} threads {core.threads}"
        options = (f"--vlen={core.vlen}", f"--threads={core.threads}")
        try:
            actual = ait.run(folder, inputs, list(expected), *options)
        except (ait.Refused, ait.Crashed) as error:
            lines.append((False, f"{name}: {error}"))
            continue
        seconds = f"compile {compiled:.1f} s, run {time.monotonic() - start:.1f} s"
        for output, value in expected.items():
            agree, line = compare.difference(actual[output], value)
            lines.append((agree, f"{name}: {line} ({seconds})"))
    return lines


def check_budget(network: str, sparsity: str, most_seconds: float | None, folder: Path) -> tuple[bool, str]:
    """A network at full size to an object, within time and memory."""
    [model] = models.make(network, folder)
    with tempfile.TemporaryDirectory(prefix="ait-net-") as out:
        command = [ait.PROGRAM, "compile", model, "--batch=1", f"--sparsity={sparsity}", "--timing", "-o", out]
        start = time.monotonic()
        process = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - start
    text = process.stderr
    eqsat = sum(float(found) for found in re.findall(r"(\S+) s .* ait-eqsat", text))
    gigabytes = int(re.findall(r"^peak (\d+)$", text, re.MULTILINE)[-1]) / 1e6
    line = (f"{network} --sparsity={sparsity} to an object: {seconds:.1f} s of {most_seconds or 'any'}, "
            f"ait-eqsat {eqsat:.1f} of {EQSAT_S:.0f}, {gigabytes:.2f} GB of {BUDGET_GB:.0f}")  # fmt: skip
    if process.returncode != 0:
        return False, f"{line}: {text.strip()}"
    fits = seconds < (most_seconds or float("inf")) and 0 < eqsat < EQSAT_S and gigabytes < BUDGET_GB
    return fits, line


def check_repeated(network: str, sparsity: str, folder: Path) -> tuple[bool, str]:
    """The same bytes, whoever compiles where and on how many processors."""
    [model] = models.make(network, folder)
    line = f"{network} --sparsity={sparsity} twice"
    made: list[dict[str, bytes]] = []
    for processors in (os.sched_getaffinity(0), {min(os.sched_getaffinity(0))}):
        with tempfile.TemporaryDirectory(prefix="ait-net-") as home:
            (Path(home) / model.name).symlink_to(model)
            command = [ait.PROGRAM, "compile", model.name, "--batch=1", f"--sparsity={sparsity}", "--explain=out/why.txt",
                       "-o", "out"]  # fmt: skip
            (Path(home) / "out").mkdir()
            done = subprocess.run(
                ["taskset", "--cpu-list", ",".join(map(str, sorted(processors))), *command],
                cwd=home, env=os.environ | {"HOME": home, "TMPDIR": home}, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace",
            )  # fmt: skip
            if done.returncode != 0:
                return False, f"{line}: {done.stderr.strip()}"
            made.append({path.name: path.read_bytes() for path in (Path(home) / "out").iterdir()})
    different = sorted(name for name in made[0].keys() | made[1].keys() if made[0].get(name) != made[1].get(name))
    if different:
        return False, f"{line}: {', '.join(different)} differ"
    return True, f"{line}: the same {len(made[0])} files"


def check_weights(folder: Path) -> tuple[bool, str]:
    """The weights file of a pruned network beside that of the dense one."""
    [model] = models.make(WEIGHTS_NETWORK, folder)
    sizes = []
    for options in ([], [WEIGHTS_SPARSITY]):
        with tempfile.TemporaryDirectory(prefix="ait-net-") as out:
            try:
                ait.compile(model, Path(out), "--batch=1", *options, emit="obj")
            except (ait.Refused, ait.Crashed) as error:
                return False, f"{WEIGHTS_NETWORK} {WEIGHTS_SPARSITY}: {error}"
            sizes.append((Path(out) / f"{WEIGHTS_NETWORK}.weights").stat().st_size)
    dense, sparse = sizes
    line = f"{WEIGHTS_NETWORK} {WEIGHTS_SPARSITY}: {sparse} of {dense} bytes of weights, {sparse / dense:.3f}"
    return sparse <= WEIGHTS_RATIO * dense, f"{line} (at most {WEIGHTS_RATIO})"


def check_full_layers(network: str, folder: Path) -> tuple[bool, str]:
    """The layers of a 224 x 224 network, half pruned, to an object."""
    [model] = models.make(f"{network}@224", folder)
    with tempfile.TemporaryDirectory(prefix="ait-net-") as out:
        try:
            ait.compile(model, Path(out), "--layout=cnhw", "--batch=1", "--sparsity=0.5", emit="obj")
        except (ait.Refused, ait.Crashed) as error:
            return False, f"{network}@224 --sparsity=0.5: {error}"
    return True, f"{network}@224 --sparsity=0.5 to an object: no kernel spills"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()
    folder = models.default_folder()
    paths = {network: models.make(network, folder)[0] for network in arguments.networks}
    work = [build for network in arguments.networks for build in builds(network)]
    passed = failed = 0

    def report(agree: bool, line: str) -> None:
        nonlocal passed, failed
        print("ok  " if agree else "FAIL", line, flush=True)
        passed, failed = passed + agree, failed + (not agree)

    for network, sparsity, seconds in BUDGETS:
        if network.partition("@")[0] in arguments.networks:
            report(*check_budget(network, sparsity, seconds, folder))
    for network, sparsity in REPEATED:
        if network in arguments.networks:
            report(*check_repeated(network, sparsity, folder))
    if WEIGHTS_NETWORK in arguments.networks:
        report(*check_weights(folder))
    for network in filter(FULL_LAYERS.__contains__, arguments.networks):
        report(*check_full_layers(network, folder))
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for lines in pool.map(lambda build: check(build, paths[build.network]), work):
            for agree, line in lines:
                report(agree, line)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
