"""Makes a network's input of a picture with Pillow: photo.py PICTURE OUT.npy [--size 224] [--mean 127] [--std 128].

The picture is scaled (bilinear) until its shorter side is SIZE, the centre is cut out, and a pixel x of 0 to 255
becomes (x - mean) / std; the result is 1 x 3 x SIZE x SIZE, RGB.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image


def load(path: Path, size: int, mean: float, std: float) -> npt.NDArray[np.float32]:
    """The picture as 1 x 3 x size x size."""
    picture = Image.open(path).convert("RGB")
    factor = size / min(picture.size)
    picture = picture.resize([round(extent * factor) for extent in picture.size], Image.BILINEAR)
    left, top = ((extent - size) // 2 for extent in picture.size)
    picture = picture.crop((left, top, left + size, top + size))
    pixels = (np.asarray(picture, dtype=np.float32) - mean) / std
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--mean", type=float, default=127.0)
    parser.add_argument("--std", type=float, default=128.0)
    arguments = parser.parse_args()
    np.save(arguments.out, load(arguments.picture, arguments.size, arguments.mean, arguments.std))


if __name__ == "__main__":
    main()
