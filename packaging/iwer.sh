#!/bin/sh
# The emulated headset of the browser test (IWER, MIT licence), one pinned file: .cache/iwer/iwer.min.js.
set -eu
version=2.5.0
sha512=82babb88cc96a38b360d89c04ca2cf3e8001ca170dbb02e33071ce20bac553dabc1061c81331f252eab59b3fbd5eacbafb1ad83e7dc7a3c67d7b2999084f83eb
folder=.cache/iwer
tarball=$folder/iwer-$version.tgz

test -f "$folder/iwer.min.js" && exit 0
mkdir -p "$folder"
if ! command -v npm >/dev/null; then
    echo "npm is missing, so the emulated headset's tests are skipped: sudo apt-get install npm" >&2
    exit 1
fi
npm pack --silent "iwer@$version" --pack-destination "$folder" >/dev/null
echo "$sha512  $tarball" | sha512sum --check --quiet
tar -xzf "$tarball" -C "$folder" --strip-components=2 package/build/iwer.min.js
rm "$tarball"
