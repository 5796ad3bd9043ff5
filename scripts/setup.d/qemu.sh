# qemu-user from bookworm-backports, unpacked into the cache: bookworm's own 7.2 is too old for RVV, and the
# host's packages are not ours to change.

setup_qemu() {
  local work mirror
  work=$(mktemp -d "$AIT_CACHE/qemu.XXXXXX")
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "no Debian mirror is configured; add bookworm to the apt sources"
  private_apt "$work/apt" "deb [signed-by=$DEBIAN_KEYRING] $mirror bookworm-backports main"
  (cd "$work" && apt-get -qq download qemu-user)
  dpkg-deb -x "$work"/qemu-user_*.deb "$work/root"
  # Older packages are called qemu-user-static and add the suffix to the programs; 10.0 is static as it is.
  "$work/root/usr/bin/qemu-riscv64" --version
  rm -rf "$AIT_CACHE/qemu"
  mkdir -p "$AIT_CACHE/qemu/bin"
  cp "$work/root/usr/bin/qemu-riscv64" "$AIT_CACHE/qemu/bin/"
  cp "$work/root/usr/share/doc/qemu-user/copyright" "$AIT_CACHE/qemu/"
  rm -rf "$work"
}
