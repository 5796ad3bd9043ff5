# XNNPACK with pthreadpool as static riscv64 libraries with RVV micro-kernels, from Debian trixie's source.

# The sources, pinned by content; bump version and sum together.
XNNPACK_SOURCES="xnnpack=0.0~git20241108.4ea82e5-2 pthreadpool=0.0~git20240616.560c60d-1 fxdiv=0.0~git20200417.b408327-4"
XNNPACK_SUMS="\
90bde2caef0f880f627bab0dc805a86c4b8070cd98e3243db3046ab3f3be1a99  xnnpack_0.0~git20241108.4ea82e5.orig.tar.xz
4cc3cbd933b28131d2a34edc54f76af9fb41bc490af5eae1a5bd3cd07ea90708  pthreadpool_0.0~git20240616.560c60d.orig.tar.xz
7953482badaf4cb34026c3487c257b8e4ab2df061c019bd6fabbbc12ad52c44b  fxdiv_0.0~git20200417.b408327.orig.tar.xz"

setup_xnnpack() {
  local work=$AIT_CACHE/xnnpack.build
  rm -rf "$work"
  mkdir -p "$work/src"
  fetch_xnnpack "$work"
  build_xnnpack "$work"
  install_xnnpack "$work"
  rm -rf "$work"
}

# fetch_xnnpack WORK: the three source trees as WORK/src/{xnnpack,pthreadpool,fxdiv,cpuinfo}.
fetch_xnnpack() {
  local work=$1 mirror name
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || die "no Debian mirror is configured; add bookworm to the apt sources"
  private_apt "$work/apt" "deb-src [signed-by=$DEBIAN_KEYRING] $mirror trixie main"
  cd "$work/src"
  # shellcheck disable=SC2086
  apt-get -qq source --tar-only --download-only $XNNPACK_SOURCES
  sha256sum -c --quiet <<<"$XNNPACK_SUMS"
  mkdir xnnpack pthreadpool fxdiv
  tar xf xnnpack_*.orig.tar.xz -C xnnpack # this one has no top folder
  for name in pthreadpool fxdiv; do
    tar xf ${name}_*.orig.tar.xz -C $name --strip-components=1
  done
  # cpuinfo is included but never called on riscv: an empty stub replaces it.
  mkdir -p cpuinfo/include
  : >cpuinfo/include/cpuinfo.h
  cat >cpuinfo/CMakeLists.txt <<'CMAKE'
add_library(cpuinfo INTERFACE)
target_include_directories(cpuinfo INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/include)
CMAKE
}

build_xnnpack() {
  local work=$1 src=$1/src
  cat >"$work/riscv64.cmake" <<'CMAKE'
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET riscv64-linux-gnu)
endforeach()
set(CMAKE_C_COMPILER clang-22)
set(CMAKE_CXX_COMPILER clang++-22)
set(CMAKE_ASM_COMPILER clang-22)
set(CMAKE_AR llvm-ar-22)
set(CMAKE_RANLIB llvm-ranlib-22)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld-22 -static")
set(CMAKE_FIND_ROOT_PATH /usr/riscv64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
CMAKE
  cmake -G Ninja -S "$src/xnnpack" -B "$work/build" -DCMAKE_TOOLCHAIN_FILE="$work/riscv64.cmake" \
    -DCMAKE_BUILD_TYPE=Release -DXNNPACK_LIBRARY_TYPE=static -DPTHREADPOOL_LIBRARY_TYPE=static \
    -DXNNPACK_BUILD_TESTS=OFF -DXNNPACK_BUILD_BENCHMARKS=OFF -DXNNPACK_BUILD_ALL_MICROKERNELS=OFF \
    -DXNNPACK_ENABLE_KLEIDIAI=OFF -DXNNPACK_ENABLE_RISCV_VECTOR=ON -DCPUINFO_SOURCE_DIR="$src/cpuinfo" \
    -DPTHREADPOOL_SOURCE_DIR="$src/pthreadpool" -DFXDIV_SOURCE_DIR="$src/fxdiv"
  ninja -C "$work/build" -j "$(nproc)" XNNPACK microkernels-prod pthreadpool
}

install_xnnpack() {
  local work=$1 src=$1/src out=$AIT_CACHE/xnnpack
  rm -rf "$out"
  mkdir -p "$out"/{lib,include,licenses}
  cp "$work"/build/{libmicrokernels-prod.a,pthreadpool/libpthreadpool.a} "$out/lib/"
  cp "$src/xnnpack/include/xnnpack.h" "$src/pthreadpool/include/pthreadpool.h" "$out/include/"
  cp "$src/xnnpack/LICENSE" "$out/licenses/XNNPACK"
  cp "$src/pthreadpool/LICENSE" "$out/licenses/pthreadpool"
  cp "$src/fxdiv/LICENSE" "$out/licenses/FXdiv"
  cp "$work/build/libXNNPACK.a" "$out/lib/"
}
