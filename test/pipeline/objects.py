"""Fingerprints of what networks compile to, so that a change which must not change code can be seen not to.

usage: objects.py [NETWORK ...] [--jobs N] > before      default: all networks at 224 x 224, batch 1
One line for a network, sparsity and layout: the SHA-256 of its object and of its weights. `diff before after` is the answer;
`AIT=path` chooses another build.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

import ait  # noqa: E402
import models  # noqa: E402

NETWORKS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "densenet121", "mobilenet_v2",
            "efficientnet_lite0")  # fmt: skip
SPARSITIES = ("0", "0.5", "0.75")
LAYOUTS = ("auto", "nhwc", "cnhw")


def fingerprint(model: Path, sparsity: str, layout: str) -> str:
    """The line of one compilation; what `ait` said if it failed."""
    title = f"{model.stem} {sparsity} {layout}"
    with tempfile.TemporaryDirectory(prefix="ait-objects-") as folder:
        out = Path(folder)
        try:
            ait.compile(model, out, "--batch=1", f"--sparsity={sparsity}", f"--layout={layout}", emit="obj")
        except (ait.Refused, ait.Crashed) as error:
            return f"{title}: {error}"
        digests = [f"{path.suffix[1:]} {hashlib.sha256(path.read_bytes()).hexdigest()}"
                   for path in sorted(out.iterdir()) if path.suffix in (".o", ".weights")]  # fmt: skip
    return f"{title}: {', '.join(digests)}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()
    folder = models.default_folder()
    paths = [models.make(f"{network}@224", folder)[0] for network in arguments.networks]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for line in pool.map(lambda case: fingerprint(*case), itertools.product(paths, SPARSITIES, LAYOUTS)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
