# Everything a fresh machine needs: `make demo` runs the main job end to end, `make test` the whole suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs
PEERS := build/peers/venv
HUB := build/hub/venv
MEDIAPIPE := build/mediapipe/venv
RAY := build/ray/venv

export TF_CPP_MIN_LOG_LEVEL = 2

.PHONY: demo test unit fuzz test-arm test-mediapipe test-ray test-micro test-android test-ios lint types docs zoo bench bench-peers bench-hub schema golden clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(READY)
	$(BIN)/edgecv demo --force

# Compiled modules are kept, whatever the caller's environment says: the tests start hundreds of processes.
test: export PYTHONDONTWRITEBYTECODE =
test: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

unit: $(READY)
	$(BIN)/pytest tests/unit

# Not part of CI: damaged models, bundles and pictures, then conversions killed at random moments. Each says what it takes
# with --help; `make fuzz FUZZ="..." KILLS="..."` hands it over.
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(FUZZ)
	$(BIN)/python -m tests.fuzz.kills $(KILLS)

# Not part of CI: needs x86-64, Python 3.11, a network, debootstrap and qemu-user-static (it says what is missing).
test-arm: $(READY)
	$(BIN)/python -m tests.arm.run

# MediaPipe brings an OpenCV of its own, so it gets an environment of its own: do its tasks open the TFLite files?
$(MEDIAPIPE)/.ready: constraints.txt
	$(PYTHON) -m venv $(MEDIAPIPE)
	$(MEDIAPIPE)/bin/pip install --quiet --constraint constraints.txt mediapipe
	touch $@

test-mediapipe: $(READY) $(MEDIAPIPE)/.ready
	EDGECV_MEDIAPIPE_PYTHON=$(CURDIR)/$(MEDIAPIPE)/bin/python $(BIN)/pytest -q tests/mediapipe

# Not part of CI: Ray is large. Does the example for Ray Serve answer as edgecv serve does?
$(RAY)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/pip install --quiet --constraint constraints.txt --editable ".[dev,ray]"
	touch $@

test-ray: $(RAY)/.ready
	$(RAY)/bin/pytest -q tests/integration/test_serve_ray.py

# The Kotlin library and the app on the JVM: needs a JDK 17, Maven and Maven Central (without them it says `skipped`).
test-android: $(READY)
	$(BIN)/python -m tests.android.run

# The Swift library and the app's logic: needs Swift 6, or root with debootstrap, which unpacks Debian's into build/ once
# (3.4 GB; without them it says `skipped`).
test-ios: $(READY)
	$(BIN)/python -m tests.ios.run

# The C library for microcontrollers on this computer, which `make test` runs as well (needs gcc and g++), and then on emulated
# boards (needs arm-none-eabi-gcc with newlib and qemu-system-arm; without them it says `skipped`).
test-micro: $(READY)
	$(BIN)/pytest tests/micro
	$(BIN)/python -m tests.micro.emulated

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

$(DOCS_READY): $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,docs]"
	touch $@

# The pages of docs/ and the references as a site in build/site. Strict: a broken link, a missing anchor, or anything that
# a browser would fetch from elsewhere fails. (Not --quiet: that hides the warnings from --strict.)
docs: $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# `make zoo ONLY="vit unet"` measures some rows again and keeps the others, `make zoo PLACES="ssd poser"` those of detectors
# and the like; without either all of both. Then the same models by Apple's Core AI runtime, where there is one.
zoo: $(READY)
	$(if $(PLACES),,$(BIN)/python -m benchmarks.zoo_table $(ONLY))
	$(if $(ONLY),,$(BIN)/python -m benchmarks.zoo_places_table $(PLACES))
	$(BIN)/python -m benchmarks.coreai_witness $(ONLY) $(PLACES)

# `make bench ALL=1` measures the whole zoo.
bench: $(READY)
	$(BIN)/python -m benchmarks.suite $(if $(ALL),--all)
	$(BIN)/python -m benchmarks.int8_latency
	$(BIN)/python -m benchmarks.convert_time

# The peers bring PyTorch, so they get an environment of their own.
$(PEERS)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --constraint constraints.txt --editable ".[bench-peers]"
	touch $@

bench-peers: $(PEERS)/.ready
	$(PEERS)/bin/python -m benchmarks.peers

# KerasHub and KerasCV bring tensorflow-text and much else, so they get an environment of their own.
# `make bench-hub ONLY="retinanet vit"` measures some rows again.
$(HUB)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(HUB)
	$(HUB)/bin/pip install --quiet --constraint constraints.txt --editable ".[bench-hub]"
	touch $@

bench-hub: $(HUB)/.ready
	$(HUB)/bin/python -m benchmarks.hub $(ONLY)

schema: $(READY)
	$(BIN)/python -m edgecv_runtime.jsonschema

golden: $(READY)
	$(BIN)/python -m tests.golden.make
	$(BIN)/python -m tests.golden.decode
	$(BIN)/python -m tests.golden.clips
	$(BIN)/python -m tests.golden.sounds

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
