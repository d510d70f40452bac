#!/bin/sh
# Install Debian packages when we may, else name them in one line.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
else
    echo "System packages are missing; run: sudo apt-get install $*" >&2
    exit 1
fi
