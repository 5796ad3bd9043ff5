# Two commands: `make demo` and `make test`. Each sets up what it needs first (scripts/setup; free when done).
#   make test ONLY="lit networks"     some sections of the tests (test/run.py --help)
#   make bless                        rewrites golden files and snapshots; read the diff before committing it
SHELL := /bin/bash
export AIT_CACHE ?= $(CURDIR)/.cache
export PATH := $(HOME)/.cargo/bin:$(PATH)
PYTHON = $(AIT_CACHE)/venv/bin/python

.PHONY: demo test setup build bless fmt

demo: build
	@scripts/demo

test: setup
	@$(PYTHON) test/run.py $(ONLY)

setup:
	@scripts/setup

build: setup
	@cargo build --quiet --package ait-tools

bless: setup
	@BLESS=1 INSTA_UPDATE=always $(PYTHON) test/run.py rust lit

fmt:
	@cargo fmt
