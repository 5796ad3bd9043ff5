//! What unit tests share.

use std::path::PathBuf;

/// The Python of the oracle environment, with numpy, onnx and onnxruntime.
pub(crate) fn python() -> PathBuf {
    let python = crate::paths::cache_dir().join("venv/bin/python");
    assert!(python.exists(), "there is no {}: run `make setup`", python.display());
    python
}
