# The host itself: what it must be, and the Debian packages it gets.

DEBIAN_PACKAGES=(
  # MLIR, LLVM, clang, lld; what their static libraries need
  llvm-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools clang-22 lld-22 libclang-22-dev
  libpolly-22-dev libzstd-dev zlib1g-dev libxml2-dev
  # C for the board
  gcc-riscv64-linux-gnu g++-riscv64-linux-gnu libc6-dev-riscv64-cross
  # building XNNPACK, QEMU and the Rust crates
  build-essential cmake ninja-build pkg-config xz-utils libglib2.0-dev
  # the oracle
  python3 python3-venv python3-torch python3-torchvision
)

# Debian's current Rust, for a host that has no toolchain (of rustup, say) of its own.
RUST_VERSION=1.95
RUST_PACKAGES=(rustc-web cargo-web rust-web-clippy rustfmt-web)

check_host() {
  [ -r /etc/os-release ] && [ "$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")" = "debian 12" ] ||
    die "this is not Debian 12 (bookworm); run it there, e.g. in a container of debian:bookworm"
  [ "$(dpkg --print-architecture)" = amd64 ] || die "this is not amd64; run it on an x86-64 machine"
}

# have_rust: whether cargo (new enough for Cargo.toml's rust-version), clippy and rustfmt are on the PATH.
have_rust() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return 1
  [ "$(printf '%s\n' "$RUST_VERSION" "$version" | sort -V | head -n 1)" = "$RUST_VERSION" ] &&
    command -v cargo-clippy >/dev/null && command -v cargo-fmt >/dev/null
}

# setup_debian: installs what dpkg does not list as installed; asks no network when nothing is missing.
setup_debian() {
  local start missing log=$AIT_CACHE/log/debian.log
  local -a sudo=()
  start=$(date +%s)
  have_rust || DEBIAN_PACKAGES+=("${RUST_PACKAGES[@]}")
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || die "needs root to install: $missing; run as root, or with sudo rights"
    sudo=(sudo -n)
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update >"$log" 2>&1 || {
    # One broken third-party source must not stop us when Debian's own lists are there.
    echo "setup: apt-get update complained; see $log" >&2
  }
  # shellcheck disable=SC2086
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing \
    >>"$log" 2>&1 ||
    die "apt-get failed ($(cause "$log")); check the network, the rights, and that bookworm and bookworm-security are sources"
  say_done debian "$start"
}

missing_packages() {
  local -A installed=()
  local package status
  while read -r package status; do
    [ "$status" = installed ] && installed[${package%%:*}]=1
  done < <(dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' "${DEBIAN_PACKAGES[@]}" 2>/dev/null)
  for package in "${DEBIAN_PACKAGES[@]}"; do
    [ -n "${installed[$package]:-}" ] || printf '%s ' "$package"
  done
}
