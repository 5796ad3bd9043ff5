# Two commands: `make demo` and `make test`. Each sets up what it needs first (scripts/setup; free when done).
#   make test ONLY="lit networks"     some sections of the tests (test/run.py --help)
#   make bench                        counts instructions against XNNPACK and rewrites docs/benchmarks.md
#   make bless                        rewrites golden files and snapshots; read the diff before committing it
SHELL := /bin/bash
export AIT_CACHE ?= $(CURDIR)/.cache
export PATH := $(HOME)/.cargo/bin:$(PATH)
PYTHON = $(AIT_CACHE)/venv/bin/python

.PHONY: demo test setup build bench bless fmt

demo: build
	@scripts/demo

test: setup
	@$(PYTHON) test/run.py $(ONLY)

setup:
	@scripts/setup

build: setup
	@cargo build --quiet --package ait-tools

# Counts, not times: the page is the same on every machine.
bench: build
	@$(PYTHON) test/oracle/models.py resnet50@224
	@target/debug/ait bench resnet50 --markdown docs/benchmarks.md

bless: setup
	@BLESS=1 INSTA_UPDATE=always $(PYTHON) test/run.py rust lit

fmt:
	@cargo fmt
