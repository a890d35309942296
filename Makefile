# make setup | test | test-long | test-floor | test-models | fuzz | demo | demo-swap | demo-monitor |
# demo-rollout | bench | bench-check | long-run | docs | task-sheet | lint | colcon | clean;
# ROS_DISTRO=jazzy (default) or kilted.
# With a ROS 2 under /opt/ros sourced, the same targets use that ROS.

SHELL := /bin/bash
.DEFAULT_GOAL := help

ROS_DISTRO ?= jazzy
export ROS_DISTRO

ifneq (,$(findstring /opt/ros/,$(AMENT_PREFIX_PATH)))
  # The distribution's modules are compiled for the distribution's Python.
  PYTHON ?= /usr/bin/python3
  VENV := .venv-ros-$(ROS_DISTRO)
else
  VENV := $(if $(filter jazzy,$(ROS_DISTRO)),.venv,.venv-$(ROS_DISTRO))
  # An environment keeps the Python it was made with until another one is asked for.
  PYTHON ?= $(or $(wildcard $(VENV)/bin/python3),python3)
  # Another installation's modules and libraries must not reach the wheels.
  unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH PYTHONPATH LD_LIBRARY_PATH
  # Set by the wheels' start-up hook for its children, along with the library path.
  unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
endif

# Robots and other people's tests on the network stay out of it.
ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
ROS_LOG_DIR ?= $(CURDIR)/out/log
export ROS_AUTOMATIC_DISCOVERY_RANGE ROS_LOG_DIR
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PYTHONNOUSERSITE := 1
unexport PYTHONSAFEPATH

DEMO_SECONDS ?= 15
export DEMO_SECONDS
MINUTES ?= 10
FUZZ_SEED := $(or $(FUZZ_SEED),$(shell date +%s))
# Whole run, in seconds; one test has its own, shorter limit.
TEST_LIMIT ?= 1500
# Tests mostly wait for other processes; each worker has a ROS domain of its own. 0: in one process.
TEST_WORKERS ?= 3

BIN := $(VENV)/bin

.PHONY: help setup test test-long test-floor test-models fuzz demo demo-swap demo-monitor \
  demo-rollout bench bench-check long-run docs task-sheet lint colcon clean

help: ## Say what there is
	@echo 'make TARGET [ROS_DISTRO=jazzy|kilted] [PYTHON=python3.12]'
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST))

setup: ## Make the environment; what is up to date stays (implied by the targets below)
	@command -v $(PYTHON) >/dev/null || { \
	  echo 'Missing here: $(PYTHON); install with: sudo apt-get install python3 python3-venv' >&2; \
	  exit 1; }
	@$(PYTHON) -m dev.setup --distro $(ROS_DISTRO) --venv $(VENV)

test: setup ## Run the tests; PYTEST_ARGS='-k name -x' goes to pytest
	@timeout --foreground $(TEST_LIMIT) $(BIN)/python -m pytest \
	  -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-long: setup ## Run the tests that load the machine, one by one; it should be idle (10 minutes)
	@timeout --foreground $(TEST_LIMIT) $(BIN)/python -m pytest -m long -n 0 $(PYTEST_ARGS)

FLOOR := .venv-floor
# What numbers, files and engines are used by, and of the nodes what a camera's picture meets.
FLOOR_TESTS := $(addprefix test/,backends contract core ops sensors encoders tasks recordings store \
  deploy exports serving cli fuzz/test_onnx_weights.py environment/test_package_metadata.py ros/messages \
  ros/inference/test_inference_node.py ros/inference/test_parity.py)

test-floor: export PATH := $(CURDIR)/$(FLOOR)/bin:$(PATH)
test-floor: ## Run a part of the tests with the oldest packages that are declared
	@$(PYTHON) -m dev.setup --distro $(ROS_DISTRO) --venv $(FLOOR) --floor
	@timeout --foreground $(TEST_LIMIT) $(FLOOR)/bin/python -m pytest \
	  -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) $(FLOOR_TESTS)

EXPORTERS := .venv-exporters
test-models: setup ## Compare models of other tools' exports with what these tools give (3 minutes)
	@$(PYTHON) -m dev.setup --venv $(EXPORTERS) --exporters
	@EXPORTERS_PYTHON=$(CURDIR)/$(EXPORTERS)/bin/python timeout --foreground $(TEST_LIMIT) \
	  $(BIN)/python -m pytest -m models $(PYTEST_ARGS) test/exporters

# Each fuzzer gets its share of the time; they run side by side.
FUZZERS = 97
fuzz: setup ## Feed what reads files and messages with damaged ones; MINUTES=30, FUZZ_SEED=1
	@echo "seed $(FUZZ_SEED)"
	@ML_INTEGRATION_FUZZ_SEED=$(FUZZ_SEED) \
	  ML_INTEGRATION_FUZZ_SECONDS=$$(( $(MINUTES) * 60 * $(TEST_WORKERS) / $(FUZZERS) )) \
	  $(BIN)/python -m pytest -n $(TEST_WORKERS) --timeout=0 $(PYTEST_ARGS) test/fuzz

demo: setup ## Detect people and vehicles in a real video; DEMO_SECONDS=15
	@$(BIN)/demo

demo-swap: setup ## Swap a model, tamper with one, roll back; no frame is lost (20 s)
	@$(BIN)/demo_swap

demo-monitor: setup ## Let darkness fall on a camera; the monitor says so in seconds (70 s)
	@$(BIN)/demo_monitor

demo-rollout: setup ## Promote a better version in steps, take a bad one back (2 minutes)
	@$(BIN)/demo_rollout

bench: setup ## Measure against a naive node and the bare loop; docs/performance.md (11 minutes)
	@$(BIN)/python -m benchmarks.side_by_side

bench-check: setup ## Measure briefly; fails when a ratio is much worse than the committed one
	@$(BIN)/python -m benchmarks.side_by_side --check

long-run: setup ## Watch memory, threads and files of a node at 60 Hz; MINUTES=10
	@$(BIN)/python -m benchmarks.long_run --minutes $(MINUTES)

DOCS := .venv-docs
docs: ## Build the documentation as a site, out/docs/index.html; a broken link is an error
	@$(PYTHON) -m dev.setup --venv $(DOCS) --docs
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet
	@echo 'out/docs/index.html'

task-sheet: setup ## Draw what the models of each task say into one picture, docs/tasks.png
	@$(BIN)/python -m dev.site.task_sheet

lint: setup ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

colcon: setup ## Build, install and test as in a ROS workspace
	@$(BIN)/python -m dev.colcon_gate $(VENV)/.colcon $(COLCON_ARGS)

clean: ## Remove environments, builds and outputs; nothing that is tracked
	@rm -rf .venv .venv-* .venv*.lock build install log dist out *.egg-info fresh-clone.log
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@rm -rf models/coco_yolov3_tiny/*/model.onnx models/mediapipe_*/*/model.onnx dev/data
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
