# The oracle's private Python: Debian's interpreter with Debian's torch, and pinned wheels beside them.

setup_python() {
  local venv=$AIT_CACHE/venv
  rm -rf "$venv"
  /usr/bin/python3 -m venv --system-site-packages "$venv"
  # Wheels only: an sdist would run code to build itself, against whatever is on the host.
  "$venv/bin/pip" install --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
    -r "$REPO/test/oracle/requirements.txt"
  "$venv/bin/python" -c 'import numpy, onnx, onnxruntime, PIL, torch, torchvision'
}
