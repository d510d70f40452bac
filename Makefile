# rove_teleop: `make demo` and `make test` need Python 3.11, make and the package registries, nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
ROVE := $(VENV)/bin/rove
STAMP := $(VENV)/.installed
EPISODES ?= 5
TASK ?= toaster
DATASET ?= datasets/demo
CONSOLE_PORT ?= 8080
comma := ,
# Where a ROS 2 installation is sourced, its own rclpy is used and the wheels stay out.
EXTRAS := $(if $(ROS_DISTRO),,ros$(comma))openxr,mocap,dev
EPISODE_BENCHMARKS := lerobot_export read save
RENDERING := libegl1 libegl-mesa0 libgl1-mesa-dri libgles2
PYTEST := $(VENV)/bin/python -m pytest

.PHONY: compiled soak help demo test unit integration lint maze paper-tables install system-demo system-test base-policies bench-retargeting bench-episodes bench-training clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: install compiled system-demo ## Run a simulated session (EPISODES=5 TASK=toaster DATASET=datasets/demo CONSOLE_PORT=8080)
	@$(ROVE) demo --task $(TASK) --episodes $(EPISODES) --dataset $(DATASET) --console-port $(CONSOLE_PORT)

test: unit lint integration ## Everything that CI runs: unit and property tests, style and types, then real processes

unit: install compiled system-demo ## Unit and property tests (under a minute)
	$(PYTEST) -m "not integration" -n 2 -q

integration: install compiled system-test ## ROS graph, recorder kill, browser: real processes
	$(PYTEST) -m integration -q

lint: install ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

soak: install ## Ten million random ticks through the command filter (about a minute)
	$(VENV)/bin/python benchmarks/soak.py

base-policies: install ## Make the shipped policies and their critics again (about 20 minutes)
	for task in toaster whiteboard; do \
		$(ROVE) sim base-policy --task $$task --out rove_teleop/policy/checkpoints/$$task.safetensors || exit 1; \
		rm -rf .cache/critic/$$task; \
		$(ROVE) sim critic --policy rove_teleop/policy/checkpoints/$$task.safetensors --dataset .cache/critic/$$task || exit 1; \
		$(ROVE) evaluate --task $$task --episodes 200 || exit 1; \
	done

bench-retargeting: .cache/peers/.ready ## Retargeting against the libraries everyone uses (makes .cache/peers, 2.4 GB)
	for part in hands body; do OMP_NUM_THREADS=1 .cache/peers/bin/python benchmarks/retargeting/$$part.py || exit 1; done

.cache/peers/.ready: benchmarks/retargeting/peers.txt
	$(PYTHON) -m venv .cache/peers
	.cache/peers/bin/pip install --quiet --disable-pip-version-check -r $<
	.cache/peers/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

bench-episodes: .cache/peers-data/.ready ## Episodes against LeRobot and others (makes .cache/peers-data, 2.2 GB)
	for part in $(EPISODE_BENCHMARKS); do OMP_NUM_THREADS=1 .cache/peers-data/bin/python benchmarks/episodes/$$part.py || exit 1; done

.cache/peers-data/.ready: benchmarks/episodes/peers.txt benchmarks/episodes/peers.sh
	PYTHON=$(PYTHON) sh benchmarks/episodes/peers.sh

bench-training: .cache/peers-data/.ready .cache/peers-training/.ready ## Training steps against d3rlpy and LeRobot (makes .cache/peers-data)
	PYTHONPATH=.cache/peers-training OMP_NUM_THREADS=1 .cache/peers-data/bin/python benchmarks/training/steps.py

.cache/peers-training/.ready: benchmarks/training/peers.txt .cache/peers-data/.ready # Next to peers-data, which has torch.
	.cache/peers-data/bin/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .cache/peers-training -r $<
	@touch $@

maze: install ## Critics where stitching decides, into docs/results/maze.md (16 minutes of one core)
	OMP_NUM_THREADS=1 $(VENV)/bin/python benchmarks/maze/maze.py

paper-tables: install ## What is missing of the tables of the paper, into docs/results (PAPER="--seeds 1 --sections main")
	$(VENV)/bin/python benchmarks/paper/tables.py $(PAPER)

install: $(STAMP) ## Make the environment in .venv

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh packaging/need.sh python3-venv
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

compiled: install # Kinematics and filter, once per version of their sources; a session would do it at its first start.
	@$(VENV)/bin/python -m rove_teleop.machine.kernels

system-demo: # The libraries that render the simulated camera without a display.
	@PATH="$$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q libEGL.so.1 || sh packaging/need.sh $(RENDERING)

# What integration tests drive: a browser, Monado, an S3 server, openpi's client; on CI, where nothing may skip, LeRobot too (2.2 GB).
system-test: install system-demo .cache/peers-exchange/.ready .cache/peers-policy/.ready .cache/peers-ray/.ready $(if $(CI),.cache/peers-data/.ready)
	@command -v chromium >/dev/null || sh packaging/need.sh chromium
	@PATH="$$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q libatomic.so.1 || sh packaging/need.sh libatomic1
	@sh packaging/iwer.sh || test -z "$$CI" # the emulated headset: without a network its test is skipped
	@sh packaging/monado.sh .cache/monado $(VENV)/bin/python

.cache/peers-exchange/.ready: tests/remote/peers.txt # An S3 server and zarr 2, for tests.
	$(PYTHON) -m venv .cache/peers-exchange
	.cache/peers-exchange/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# It pins numpy below 2. The rest of its pins lies in the file, so nothing else is asked for.
.cache/peers-policy/.ready: benchmarks/policy/peers.txt
	$(PYTHON) -m venv .cache/peers-policy
	.cache/peers-policy/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Ray beside everything of .venv, which its workers import: 260 MB of its own.
.cache/peers-ray/.ready: tests/rounds/peers.txt $(STAMP)
	$(PYTHON) -m venv .cache/peers-ray
	.cache/peers-ray/bin/pip install --quiet --disable-pip-version-check -r $<
	$(VENV)/bin/python -c 'import os, sysconfig; print(sysconfig.get_path("purelib"), os.getcwd(), sep="\n")' \
		> .cache/peers-ray/lib/$$(ls .cache/peers-ray/lib)/site-packages/venv.pth
	@touch $@

clean: ## Remove the environment and caches (never datasets)
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
