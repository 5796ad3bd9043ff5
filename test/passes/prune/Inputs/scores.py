"""Scores for scores.mlir: DIR/*.npy, DIR/tensors.safetensors and configurations that name them."""

import json
import struct
import sys
from pathlib import Path

import numpy as np

directory = Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
scores = np.array([[1, -1, 0], [0, 2, 1]], dtype=np.float32).reshape(2, 3, 1, 1)
header = {"weight": {"dtype": "F32", "shape": scores.shape, "data_offsets": [0, scores.nbytes]}}
text = json.dumps(header).encode()
(directory / "tensors.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + scores.tobytes())
np.save(directory / "array.npy", scores)
np.save(directory / "shape.npy", scores[:, :, 0, 0])
bad = scores.copy()
bad[1, 2] = np.nan
np.save(directory / "nan.npy", bad)


def config(name: str, file: str, layer: str = "conv", more: str = "") -> None:
    """A configuration with one rule."""
    rule = f'[[layer]]\nname = "{layer}"\nprune = true\nsparsity = 0.7\nscores = "{file}"\n'
    (directory / name).write_text(rule + more)


config("tensors.toml", "tensors.safetensors")
config("array.toml", "array.npy")
config("missing.toml", "tensors.safetensors", "stem")
config("shape.toml", "shape.npy")
config("nan.toml", "nan.npy")
config("shared.toml", "array.npy", "*")
