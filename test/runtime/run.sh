#!/bin/bash
# Builds and runs the tests of runtime/target in QEMU. Prints "N passed, N failed"; exit 1 on a failure.
# AIT_CACHE: where scripts/setup put QEMU and XNNPACK (default: .cache of the repository).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
cache=${AIT_CACHE:-$repo/.cache}
target=$repo/runtime/target
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

cd "$work"
for file in ait_runtime ait_xnn ait_npy; do "${cc[@]}" -c "$target/$file.c" -o "$file.o"; done
for file in "$here"/*.c; do "${cc[@]}" -c "$file" -o "$(basename "$file" .c).o"; done
"${link[@]}" xnn_test.o reference.o check.o ait_runtime.o ait_xnn.o "${wrap[@]}" "${xnnpack[@]}" -o xnn_test

for vlen in 128 256 512; do
  echo "# VLEN $vlen"
  run "$vlen" ./xnn_test || echo "FAILED xnn_test at VLEN $vlen: exit $?"
done > log 2>&1
grep -v '^ok ' log || true
passed=$(grep -c '^ok ' log || true)
failed=$(grep -c '^FAILED ' log || true)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
