#!/bin/sh
# Make .cache/peers-data: LeRobot 0.4.4 and tensorstore next to this package, for benchmarks/episodes and the LeRobot tests.
# LeRobot's pins (an older torch, rerun, pynput, ...) fit neither Python 3.11 with torch 2.13 nor a machine without a
# display, so it comes without them. The same for torchvision and torchcodec, whose pins name CUDA builds.
set -e
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3.11}
HOME_OF_PEERS=.cache/peers-data
PIP="$HOME_OF_PEERS/bin/pip install --quiet --disable-pip-version-check"

[ -x "$HOME_OF_PEERS/bin/python" ] || "$PYTHON" -m venv "$HOME_OF_PEERS"
$PIP -r benchmarks/episodes/peers.txt
$PIP --no-deps lerobot==0.4.4 torchvision==0.28.0 torchcodec==0.13.0
$PIP --no-deps -e .
# What torchcodec, LeRobot's video reader, loads.
PATH="$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q libavcodec.so || sh packaging/need.sh ffmpeg
touch "$HOME_OF_PEERS/.ready"
