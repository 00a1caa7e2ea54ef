# Pawl. `make` says what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/bin:$(PATH):/usr/sbin:/sbin

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null)
VERSITYGW   := github.com/versity/versitygw/cmd/versitygw@v1.8.0
# What judges the pages' accessibility (MPL-2.0), fetched for the tests and handed on to nobody. hw/web/webtest names the version too.
AXE         := 4.14.1
AXE_SHA256  := e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 10s
SOAKTIME    ?= 3600
RUNS        ?= 3
PROGRAMS    := $(notdir $(wildcard cmd/pawl-*))

# What the machine must have beside Go, as command:Debian packages. The testbed needs the first three. The race detector needs a C compiler, the
# virus check a clamd (its signatures are not: the tests bring one of their own), the checks of signatures the programs that sign, that of XML Schemas
# xmllint, the consoles a browser and a font.
BEDTOOLS := ip:iproute2 nft:nftables ethtool:ethtool
TESTTOOLS := chromium:chromium,fonts-dejavu-core gcc:gcc,libc6-dev clamd:clamav-daemon minisign:minisign ssh-keygen:openssh-client xmllint:libxml2-utils
TOOLS    := $(BEDTOOLS)

# What a virtual machine needs beside that, and the kernel that it runs: a package, downloaded and unpacked here, never installed.
VMTOOLS     := qemu-system-x86_64:qemu-system-x86 mkfs.ext4:e2fsprogs mkfs.btrfs:btrfs-progs mkfs.xfs:xfsprogs
VMKERNEL    ?= linux-image-amd64

.PHONY: help build demo test check bench bars fuzz soak vm deps tools clean

help: ## this text
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the programs, into bin/
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '-X pawl/cmd/internal/cli.release=$(VERSION)' -o bin/ $(PROGRAMS:%=./cmd/%)

demo: tools build ## files cross a lossy one-way link on this machine, in front of you
	bin/pawl-bench demo

test: deps check ## everything that must hold: style, static checks, all tests with the race detector
	@race=-race; command -v gcc >/dev/null || race=; \
	set -x; $(GO) test $$race -shuffle=on -timeout 20m ./...

check: ## formatting, go vet, staticcheck, who imports whom
	@bad=$$(find . -name '*.go' -not -path './.*/*' -not -path './bin/*' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$bad" ]; then printf 'not gofmt-ed:\n%s\n' "$$bad" >&2; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) test -count=1 ./docs

bench: tools build ## a short look on this machine: figures beside their bars (RUNS=3)
	@mkdir -p bin/results && rm -f bin/results/*
	bin/pawl-bench codec --json bin/results/codec.json
	bin/pawl-bench bars --case 1,2,3,4,5,6,7,9,10,11 --runs $(RUNS) $(if $(RATE),--rate $(RATE))

bars: tools build ## every case that has a bar as often as it asks; goes on where it was stopped (CASE=5,10 BARRUNS= RATE= DISK= FRESH=1)
	bin/pawl-bench bars $(if $(CASE),--case $(CASE)) $(if $(BARRUNS),--runs $(BARRUNS)) $(if $(RATE),--rate $(RATE)) $(if $(DISK),--disk $(DISK)) $(if $(FRESH),--fresh)

fuzz: ## every fuzzer for FUZZTIME each (10s)
	@found=$$(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sort); \
	[ -n "$$found" ] || { echo 'there are no fuzzers: this target tests nothing' >&2; exit 1; }; \
	while IFS=: read -r file func; do \
		echo "== $${func#func } in $$(dirname $$file)"; \
		$(GO) test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$(dirname $$file)"; \
	done <<< "$$found"

soak: deps build ## transfers of every kind over a bad link for SOAKTIME seconds (3600)
	@end=$$((SECONDS + $(SOAKTIME))); n=0; \
	while [ $$SECONDS -lt $$end ]; do \
		for mix in random gotree small odd; do \
		for fault in '--loss 0%' '--loss 1%' '--loss 0.1% --outage 5ms --every 100ms' '--loss 1% --passes 2 --late 2s' '--loss 1% --passes 2 --kill-receiver'; do \
			[ $$SECONDS -lt $$end ] || break 2; \
			n=$$((n + 1)); echo "== $$n: $$mix $$fault" >&2; \
			bin/pawl-bench transfer --mix $$mix $$fault --json -; \
		done; done; \
	done; echo "$$n transfers, all intact" >&2
	bin/pawl-bench hostile
	$(GO) test -count=1 -timeout 30m -run '^TestKilled$$' ./cmd/pawl-send -kills 200
	$(GO) test -count=1 -timeout 30m -run '^TestKilledAfterAnyStep$$' ./sender -every-step
	$(GO) test -count=1 -timeout 1h -run '^(TestKilledAfterAnyStep|TestKilledInTheAuditLog)$$' ./receiver/release -every-step
	$(GO) test -count=1 -timeout 3h -run '^TestKilledAtASystemCall$$' ./cmd/pawl-release -every-call

vm: TOOLS := $(VMTOOLS)
vm: tools ## what this kernel can't show (fs-verity, an older Landlock), under Debian's own, emulated by qemu in some minutes (VMKERNEL=linux-image-cloud-amd64)
	@$(MAKE) -s bin/vm/$(VMKERNEL) && kernel=$(CURDIR)/bin/vm/$(VMKERNEL) || { \
		echo "no package $(VMKERNEL) to be had: skipped" >&2; [ "$${CI:-}" != true ]; exit; }; \
	$(GO) test -count=1 -v -timeout 30m -run '^TestUnderDebiansKernel$$' ./hw/vmtest -kernel $$kernel

# The package that a name like linux-image-amd64 stands for; make clean forgets it when there is a newer one.
bin/vm/%:
	@rm -rf $@.new && mkdir -p $@.new && cd $@.new && \
	package=$$(apt-cache depends --important $* | awk '$$1 == "Depends:" && $$2 ~ /^linux-image/ { print $$2 }') && \
	apt-get -qq -o APT::Sandbox::User=root download $${package:-$*} && dpkg-deb -x *.deb . && rm *.deb && mv $(CURDIR)/$@.new $(CURDIR)/$@

# The S3 server that releases into a bucket are tested with; built once, in a minute.
bin/versitygw:
	@mkdir -p bin; GOBIN=$(CURDIR)/bin $(GO) install $(VERSITYGW) >/dev/null 2>&1 || echo "no $(VERSITYGW): the tests that need an S3 server are skipped" >&2

bin/axe-$(AXE).min.js:
	@mkdir -p bin; fetched=$$(mktemp -d); trap 'rm -rf "$$fetched"' EXIT; \
	if cd "$$fetched" && npm pack --silent axe-core@$(AXE) >/dev/null && echo "$(AXE_SHA256)  axe-core-$(AXE).tgz" | sha256sum --check --quiet && \
		tar -xzOf axe-core-$(AXE).tgz package/axe.min.js >axe.min.js; then mv axe.min.js $(CURDIR)/$@; exit 0; fi; \
	echo "no axe-core $(AXE) from npm: the tests of the pages' accessibility are skipped" >&2; \
	[ "$${CI:-}" != true ]

deps: TOOLS := $(BEDTOOLS) $(TESTTOOLS)
deps: bin/versitygw bin/axe-$(AXE).min.js tools ## what tests, testbed and race detector need, installed if this is Debian and root

tools:
	@missing=; \
	for tool in $(TOOLS); do command -v "$${tool%%:*}" >/dev/null || missing="$$missing $${tool#*:}"; done; \
	missing=$${missing//,/ }; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing:$$missing"; export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update >/dev/null && apt-get -qq install -y --no-install-recommends $$missing >/dev/null && exit 0; \
	fi; \
	echo "missing on this machine:$$missing: the tests that need it are skipped" >&2; \
	[ "$${CI:-}" != true ]

clean: ## what was built
	rm -rf bin
