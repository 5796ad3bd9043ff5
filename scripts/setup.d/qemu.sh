# qemu-riscv64 (user mode) with TCG plugins, built from Debian trixie's source: the packages have plugins compiled out,
# and bookworm's own 7.2 is too old for RVV.

# qemu 10.0 asks for meson 1.5 or later; bookworm has 1.0.
QEMU_PYTHON_PACKAGES=(meson==1.5.2 pycotap==1.3.1)

# processor FILE: writes what this machine's instructions are, so that a cache from another one is not taken for built.
processor() {
  { uname -m; grep -m 1 -E '^(flags|Features)' /proc/cpuinfo; } >"$1"
}

setup_qemu() {
  local work=$AIT_CACHE/qemu.build
  rm -rf "$work"
  mkdir -p "$work/src"
  fetch_qemu "$work"
  build_qemu "$work"
  install_qemu "$work"
  rm -rf "$work"
}

# fetch_qemu WORK: the source tree as WORK/src. trixie keeps the 10.0 series and replaces its point releases, so there is
# no version to pin; apt checks the archive's signature. What is counted does not depend on it.
fetch_qemu() {
  local work=$1 mirror
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "no Debian mirror is configured; add bookworm to the apt sources"
  private_apt "$work/apt" "deb-src [signed-by=$DEBIAN_KEYRING] $mirror trixie main"
  (cd "$work" && apt-get -qq source --tar-only --download-only qemu)
  tar xf "$work"/qemu_*.orig.tar.xz -C "$work/src" --strip-components=1
}

# build_qemu WORK: for this machine's own instructions. Generic code calls the C library's fmaf, whose AVX instructions
# between SSE ones cost some 80 ns on processors that save the upper halves at every change: vector code ran 7 times slower.
build_qemu() {
  local work=$1
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" -q install --disable-pip-version-check "${QEMU_PYTHON_PACKAGES[@]}"
  mkdir "$work/build"
  (cd "$work/build" && ../src/configure --prefix="$work/root" --python="$work/venv/bin/python" --disable-download \
    --target-list=riscv64-linux-user --without-default-features --enable-tcg --enable-plugins --disable-system \
    --disable-tools --disable-docs --disable-guest-agent --disable-install-blobs --extra-cflags=-march=native)
  nice ninja -C "$work/build" -j "$(nproc)" qemu-riscv64
  "$work/build/qemu-riscv64" --version
}

# install_qemu WORK: by renaming, so that a program which is being started finds the old one or the new one.
install_qemu() {
  local work=$1 out=$AIT_CACHE/qemu
  mkdir -p "$out/bin"
  cp "$work/build/qemu-riscv64" "$out/bin/qemu-riscv64.new"
  strip "$out/bin/qemu-riscv64.new"
  mv -f "$out/bin/qemu-riscv64.new" "$out/bin/qemu-riscv64"
  cp "$work/src/COPYING" "$out/copyright"
}
