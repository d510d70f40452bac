#!/bin/sh
# Monado, a real OpenXR runtime, for the tests: Debian trixie's packages unpacked beside the checkout (nothing is
# installed), and a copy of the environment's Python that runs with trixie's C library, which Monado's needs.
#   packaging/monado.sh [PREFIX] [PYTHON]
# MONADO_MIRROR overrides where the packages come from (default: this machine's own Debian mirror).
set -eu
PREFIX=${1:-.cache/monado}
PYTHON=${2:-.venv/bin/python}
SUITE=trixie
PACKAGES=monado-service,libopenxr1-monado,mesa-vulkan-drivers
XRPYTHON=$(dirname "$PYTHON")/xrpython

cannot() {
    echo "Tests against Monado will be skipped: $1" >&2
    [ -z "${CI:-}" ] && exit 0
    exit 1
}

if [ ! -f "$PREFIX/complete" ]; then
    [ "$(uname -m)" = x86_64 ] || cannot "Debian builds it for x86_64 only"
    command -v apt-get >/dev/null || cannot "its packages are Debian's, and this is another system"
    if ! { command -v mmdebstrap && command -v patchelf; } >/dev/null; then
        [ "$(id -u)" = 0 ] || cannot "run: sudo apt-get install mmdebstrap patchelf"
        sh "$(dirname "$0")/need.sh" mmdebstrap patchelf
    fi
    mirror=${MONADO_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)}
    rm -rf "$PREFIX"
    mkdir -p "$(dirname "$PREFIX")"
    mmdebstrap --quiet --variant=extract --aptopt='APT::Install-Recommends "false"' --include="$PACKAGES" \
        "$SUITE" "$PREFIX" ${mirror:+"$mirror"} || cannot "$PACKAGES could not be unpacked"
    touch "$PREFIX/complete"
fi

PREFIX=$(cd "$PREFIX" && pwd) # absolute: a checkout that was moved gets its paths anew
libraries=$PREFIX/usr/lib/x86_64-linux-gnu
printf '{"file_format_version": "1.0.0", "runtime": {"name": "Monado", "library_path": "%s"}}\n' \
    "$libraries/libopenxr_monado.so" >"$PREFIX/openxr.json"
printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' \
    "$libraries/libvulkan_lvp.so" >"$PREFIX/lvp.json"
printf '%s' "$libraries:$libraries/lapack:$libraries/blas:$libraries/pulseaudio:$PREFIX/usr/lib" >"$PREFIX/library_path"
if [ ! -x "$XRPYTHON" ] || [ "$XRPYTHON" -ot "$PREFIX/complete" ]; then
    command -v patchelf >/dev/null || cannot "run: sudo apt-get install patchelf"
    libpython=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
    cp -L "$PYTHON" "$XRPYTHON.new"
    patchelf --set-interpreter "$PREFIX/usr/lib64/ld-linux-x86-64.so.2" \
        --force-rpath --set-rpath "$libpython:$(cat "$PREFIX/library_path")" "$XRPYTHON.new"
    "$XRPYTHON.new" -c 'import ssl, numpy'
    mv "$XRPYTHON.new" "$XRPYTHON"
    touch "$XRPYTHON"
fi
