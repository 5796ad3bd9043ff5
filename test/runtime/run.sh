#!/bin/bash
# Builds and runs the tests of runtime/target in QEMU. Prints "N passed, N failed"; exit 1 on a failure.
# AIT_CACHE: where scripts/setup put QEMU and XNNPACK (default: .cache of the repository).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
cache=${AIT_CACHE:-$repo/.cache}
target=$repo/runtime/target
python=$cache/venv/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cc=(clang-22 --target=riscv64-linux-gnu -march=rv64gc -std=c11 -O2 -Wall -Wextra -Werror -pedantic
  -I "$target" -I "$here" -isystem "$cache/xnnpack/include")
link=(clang-22 --target=riscv64-linux-gnu -fuse-ld=lld-22 -static)
pool=(-L "$cache/xnnpack/lib" -lpthreadpool -lm)
xnnpack=(-L "$cache/xnnpack/lib" -lXNNPACK -lmicrokernels-prod -lpthreadpool -lm)
wrap=()
for name in malloc calloc realloc aligned_alloc posix_memalign free; do wrap+=("-Wl,--wrap=$name"); done

# run VLEN|none program [arguments]
run() {
  local cpu=rv64,v=true,vlen=$1,elen=64,vext_spec=v1.0,rvv_ta_all_1s=true,rvv_ma_all_1s=true
  [ "$1" = none ] && cpu=rv64,v=false
  shift
  timeout 300 "$cache/qemu/bin/qemu-riscv64" -cpu "$cpu" "$@"
}

# checksum FILE
checksum() {
  "$python" - "$1" <<'PY'
import sys
data, h = open(sys.argv[1], "rb").read(), 0xCBF29CE484222325
for i in range(0, len(data), 8):
    h = (h ^ int.from_bytes(data[i : i + 8], "little")) * 0x100000001B3 % 2**64
    h ^= h >> 32
print(hex(h))
PY
}

cd "$work"
for file in ait_runtime ait_xnn ait_npy ait_pool; do "${cc[@]}" -c "$target/$file.c" -o "$file.o"; done
for file in xnn_test pool_test reference check; do "${cc[@]}" -c "$here/$file.c" -o "$file.o"; done
# Expected values of ait_checksum come from Python; see its definition in ait_runtime.h.
"$python" -c 'import struct; open("demo.weights", "wb").write(struct.pack("<64f", *[0.5] * 64))'
"${cc[@]}" -DDEMO_CHECKSUM="$(checksum demo.weights)" -c "$here/demo.c" -o demo.o
"${cc[@]}" -DCHECKSUM_A="$(checksum <(printf a))" -DCHECKSUM_10="$(checksum <(printf 0123456789))" \
  -D_POSIX_C_SOURCE=200809L -c "$here/runtime_test.c" -o runtime_test.o
"${link[@]}" xnn_test.o reference.o check.o ait_runtime.o ait_xnn.o "${wrap[@]}" "${xnnpack[@]}" -o xnn_test
# The threads that the meter models: every call of pthreadpool that XNNPACK makes is in ait_pool.c.
split=(-L "$cache/xnnpack/lib" -lXNNPACK -lmicrokernels-prod -lm)
"${link[@]}" xnn_test.o reference.o check.o ait_runtime.o ait_xnn.o ait_pool.o "${wrap[@]}" "${split[@]}" -o xnn_split_test
"${link[@]}" pool_test.o check.o ait_pool.o "${wrap[@]}" -o pool_test
# No XNNPACK for programs without its operators.
"${link[@]}" runtime_test.o check.o demo.o ait_runtime.o "${wrap[@]}" "${pool[@]}" -o runtime_test

# The executables as `ait compile --emit=exe` makes them, with and without embedded weights.
"${cc[@]}" -DAIT_PROGRAM=demo_program -c "$target/ait_main.c" -o plain.o
embed=(-DAIT_PROGRAM=demo_program -DAIT_WEIGHTS=demo_weights -DAIT_WEIGHTS_END=demo_weights_end)
"${cc[@]}" "${embed[@]}" -c "$target/ait_main.c" -o embedded.o
"${cc[@]}" "${embed[@]}" "-DAIT_WEIGHTS_FILE=\"$work/demo.weights\"" -c "$target/ait_weights.S" -o weights.o
"${link[@]}" plain.o demo.o ait_npy.o ait_runtime.o "${pool[@]}" -o plain
"${link[@]}" embedded.o weights.o demo.o ait_npy.o ait_runtime.o "${pool[@]}" -o embedded

# The program of docs/deploy.md, with our demo for its resnet18.
awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$repo/docs/deploy.md" | sed 's/resnet18/demo/g; s/RESNET18/DEMO/g' > deploy.c
"${cc[@]}" -c deploy.c -o deploy.o
"${link[@]}" deploy.o demo.o ait_runtime.o "${pool[@]}" -o deploy

{
  for vlen in 128 256 512 1024; do
    echo "# VLEN $vlen"
    run "$vlen" ./runtime_test || echo "FAILED runtime_test at VLEN $vlen: exit $?"
    run "$vlen" ./xnn_test || echo "FAILED xnn_test at VLEN $vlen: exit $?"
  done
  run 256 ./pool_test || echo "FAILED pool_test: exit $?"
  run 256 ./xnn_split_test || echo "FAILED xnn_split_test: exit $?"
  "$python" "$here/cli_test.py" "$cache/qemu/bin/qemu-riscv64" ./embedded ./plain || echo "FAILED cli_test.py: exit $?"
  if [ "$(run 256 ./deploy)" = 'y[0] = 1.25' ]; then echo "ok deploy.md"; else echo "FAILED deploy.md"; fi
  said=$(run none ./deploy 2>&1 || true)
  if [[ $said == *'(no RVV 1.0)' ]]; then echo "ok deploy.md, no V"; else echo "FAILED deploy.md, no V: $said"; fi
  if echo '#include "demo.h"' | clang-22 --target=riscv64-linux-gnu -x c++ -std=c++17 -Wall -Wextra -Werror \
    -I "$target" -I "$here" -fsyntax-only -; then echo "ok C++"; else echo "FAILED C++"; fi
} > log 2>&1
grep -v '^ok ' log || true
passed=$(grep -c '^ok ' log || true)
failed=$(grep -c '^FAILED ' log || true)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
