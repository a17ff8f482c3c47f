SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.PHONY: help run build test fuzz bench lint catalogue clean swift

PORT ?= 19187
ARGS ?=
FUZZ_SECONDS ?= 3600

# Stripped; the one with its symbols stays where Swift puts it.
EXPORTER := $(CURDIR)/.build/stack-exporter
# Swift leaves directories in TMPDIR whenever it builds: here they do not outlive the next build.
# Coloured where there is a terminal, all would be compiled anew for each change of place.
SWIFT_BUILD := TMPDIR=$(CURDIR)/.build/tmp swift build -c release --static-swift-stdlib --product stack-exporter \
	--no-color-diagnostics
PYTHON := $(CURDIR)/.build/python/bin/python3
POSTGRES_VERSIONS := $(CURDIR)/.build/postgres
REDIS_VERSIONS := $(CURDIR)/.build/redis
CGROUP_KERNELS := $(CURDIR)/.build/kernel
EXPORTERS := $(CURDIR)/.build/exporters
PYTHON_PACKAGES := prometheus_client==0.26.0 celery[redis]==5.7.0 rq==3.0.0
BUILD_PACKAGES := binutils libcrypt-dev libpq-dev libhiredis-dev libyaml-dev zlib1g-dev
QEMU := qemu-system-$(if $(filter aarch64,$(shell uname -m)),arm,x86)
TEST_PACKAGES := postgresql pgbouncer redis-server prometheus openssl python3-venv curl procps \
	docker.io podman busybox-static $(QEMU)

TEST := STACK_EXPORTER_BINARY=$(EXPORTER) PROMETHEUS_CLIENT_PYTHON=$(PYTHON) POSTGRES_VERSIONS=$(POSTGRES_VERSIONS) \
	REDIS_VERSIONS=$(REDIS_VERSIONS) CGROUP_KERNELS=$(CGROUP_KERNELS) REPLACED_EXPORTERS=$(EXPORTERS) swift test

help:
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 16

run: build ## serve real metrics on PORT=19187, with more flags in ARGS=; servers from DATABASE_URL and REDIS_URL, or throw-away ones
	@exec Tests/Lab/stack $(EXPORTER) $(PORT) $(ARGS)

build: swift ## make .build/stack-exporter
	@Tests/Lab/install $(BUILD_PACKAGES)
	@echo "Building the release, which takes minutes the first time"
	@rm -rf .build/tmp && mkdir -p .build/tmp
	@$(SWIFT_BUILD) --quiet
	@strip -o $(EXPORTER) "$$($(SWIFT_BUILD) --show-bin-path)/stack-exporter"

test: build ## run all tests, against real servers
	@Tests/Lab/install $(TEST_PACKAGES)
	@$(PYTHON) -c 'import prometheus_client, celery, redis, rq' 2>/dev/null || \
		{ /usr/bin/python3 -m venv .build/python && $(PYTHON) -m pip install --quiet $(PYTHON_PACKAGES); }
	@Tests/Lab/postgres-versions $(POSTGRES_VERSIONS) $(PYTHON)
	@Tests/Lab/redis-versions $(REDIS_VERSIONS) $(PYTHON)
	@Tests/Lab/cgroup-kernel $(CGROUP_KERNELS)
	@Tests/Lab/replaced-exporters $(EXPORTERS) cadvisor
	@$(TEST) --skip ScaleTests
	@# It takes all of the machine, and the others their time limits from it.
	@$(TEST) --skip-build --filter ScaleTests

fuzz: swift ## feed the Redis client what no server says, for FUZZ_SECONDS=3600
	@Tests/Lab/install $(BUILD_PACKAGES) redis-server
	@FUZZING=yes swift build -c release --product Fuzz --scratch-path .build/fuzz --quiet \
		-Xswiftc -sanitize=fuzzer,address -Xswiftc -enable-testing
	@Tests/Fuzz/seeds .build/fuzz/release/Fuzz .build/fuzz/corpus
	@.build/fuzz/release/Fuzz -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -rss_limit_mb=1024 -timeout=10 \
		-artifact_prefix=.build/fuzz/ .build/fuzz/corpus

bench: build ## measure it beside the exporters that it replaces, and compare their pages
	@Tests/Lab/install postgresql redis-server
	@Tests/Lab/replaced-exporters $(EXPORTERS)
	@/usr/bin/python3 Tests/Lab/bench $(EXPORTER) $(EXPORTERS) $(REDIS_VERSIONS)
	@/usr/bin/python3 Tests/Lab/bench-containers $(EXPORTER) $(EXPORTERS)

lint: swift ## check format, shell scripts and what no source may have
	@Tests/Lab/install shellcheck
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests
	@shellcheck Tests/Lab/cgroup-kernel Tests/Lab/install Tests/Lab/postgres-versions Tests/Lab/redis-versions Tests/Lab/replaced-exporters Tests/Lab/stack Tests/Fuzz/seeds .ci/run
	@! grep -rnE '\bimport ([a-z]+ )?Foundation\b|@unchecked Sendable|\bfatalError\(|\btry!|\b(TODO|FIXME)\b' Sources || \
		{ echo "None of these belongs in Sources: FoundationEssentials does without 47 MB, and the rest hides mistakes" >&2; exit 1; }

catalogue: build ## write dashboards/metrics.md anew, after a change of what is collected
	@$(EXPORTER) metrics --format=markdown > dashboards/metrics.md

clean: ## remove all that was built
	@rm -rf .build

swift:
	@command -v swift >/dev/null || \
		{ echo "There is no swift here: put Swift 6.2 or later on PATH (https://www.swift.org/install)" >&2; exit 1; }
