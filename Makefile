# Two commands: `make demo` and `make test`. Each sets up what it needs first (scripts/setup; free when done).
#   make test ONLY="lit networks"     some sections of the tests (test/run.py --help)
#   make test ONLY=random N=2000 SEED=7     more random graphs, or others
#   make bench                        tunes and meters against XNNPACK, and rewrites docs/benchmarks*
#   make bless                        rewrites golden files and snapshots; read the diff before committing it
SHELL := /bin/bash
export AIT_CACHE ?= $(CURDIR)/.cache
export PATH := $(HOME)/.cargo/bin:$(PATH)
PYTHON = $(AIT_CACHE)/venv/bin/python

.PHONY: demo test setup build bench bless fmt

demo: build
	@scripts/demo

test: setup
	@$(PYTHON) test/run.py $(ONLY) $(if $(N),--graphs=$(N)) $(if $(SEED),--seed=$(SEED))

setup:
	@scripts/setup

build: setup
	@cargo build --quiet --package ait-tools --package ait-meter

# Model cycles and counts, not times: the pages are the same on every machine. Tuning is done once for a compiler.
BENCH = resnet50 resnet18 mobilenet_v2
WHOLE = resnet152 resnet101 densenet121 resnet50 resnet34 resnet18 mobilenet_v2 efficientnet_lite0
TUNING = $(AIT_CACHE)/tuning.jsonl
bench: build
	@$(PYTHON) test/oracle/models.py $(WHOLE:=@224)
	@for net in $(BENCH); do target/debug/ait tune $(AIT_CACHE)/models/$$net-224.onnx --sparsity 0,0.5,0.75 --budget 14 \
	  --log $(TUNING) > /dev/null || exit 1; done
	@target/debug/ait bench $(BENCH) --tuning-log $(TUNING) --markdown docs/benchmarks.md --svg docs/benchmarks.svg
	@target/debug/ait bench resnet50 --core generic --markdown docs/benchmarks-instructions.md
	@target/debug/ait bench $(WHOLE) --whole --plan test/plans --tuning-log $(TUNING) --markdown docs/benchmarks-networks.md \
	  --svg docs/benchmarks-networks.svg

bless: setup
	@BLESS=1 INSTA_UPDATE=always $(PYTHON) test/run.py rust lit

fmt:
	@cargo fmt
