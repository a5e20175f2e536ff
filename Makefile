# One command each; every target installs what it needs on Debian 12 with Swift 6.3.

RELEASE := .build-release
LAMINAR := $(RELEASE)/release/laminar
PYTHON := .venv/bin/python3
SWIFT := scripts/swift.sh
# One build serves the tests and the programs they start: optimised, with the checks of a debug build (Package.swift).
TESTING := .build-testing
TEST_FLAGS := -c release --scratch-path $(TESTING)
TESTED := LAMINAR_TESTING=1 LAMINAR_PYTHON=$(abspath $(PYTHON)) LAMINAR_BINARY=$(abspath $(TESTING)/release/laminar)
SWIFT_SOURCES := Package.swift Sources Tests Benchmarks

.PHONY: run test release sqltest bench lint format setup python clean

## Builds the release binary and runs the flights job over real data.
run: release
	@scripts/run-flights.sh $(LAMINAR)

## Builds and runs every test.
test: setup python
	$(TESTED) $(SWIFT) build $(TEST_FLAGS) --build-tests
	@$(TESTED) scripts/run-tests.sh $(TESTING)

## Installs the Debian packages the build links against.
setup:
	@scripts/install-packages.sh

## A Python with the independent engines that tests and benchmarks compare with.
python:
	@scripts/install-python.sh

release: setup
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product laminar

## Runs the SQL test files under every configuration; UPDATE_GOLDEN=1 rewrites the expected results.
sqltest: setup
	$(SWIFT) build -c release --scratch-path $(RELEASE) --product sqltest
	$(RELEASE)/release/sqltest sql-tests

## Measures against DuckDB in one run and prints the table of docs/benchmarks.md.
bench: release python
	Benchmarks/run.sh $(LAMINAR) $(PYTHON)

## Checks the formatting; `make format` mends it.
lint:
	swift format lint --strict --recursive --parallel --configuration .swift-format $(wildcard $(SWIFT_SOURCES))

format:
	swift format --in-place --recursive --parallel --configuration .swift-format $(wildcard $(SWIFT_SOURCES))

clean:
	rm -rf .build $(RELEASE) $(TESTING)
