# moneyboard: `just` lists what there is.
set positional-arguments

run := "uv run --quiet"

[private]
default:
    @just --list --unsorted

# Watch a synthetic crowd earn money on a live board (`just demo --for 30`).
[group('try')]
demo *args:
    @{{ run }} moneyboard demo "$@"

# Everything that must hold before a commit: lint, types, import rule, all tests.
[group('check')]
test *args: lint
    {{ run }} pytest "$@"

# Measure against a limit in the same run: `just bench broker [--durability fsynced]`.
[group('measure')]
bench name *args:
    {{ run }} python -m tests.benchmarks."$@"

# Fuzz every decoder, guided by coverage: `just fuzz token --seconds 600`.
[group('measure')]
fuzz *args:
    {{ run }} --group fuzz python -m tests.fuzz "$@"

# Attack a real broker in 36 ways while honest producers work (`--short`, or names of attacks).
[group('measure')]
hostile *args:
    {{ run }} python -m tests.hostile.attacks "$@"

# Explore every state of the exactly-once model, and of its wrong variants.
[group('measure')]
explore *args:
    {{ run }} python -m tests.simulation --full "$@"

# Style, types and the import rule, without running anything.
[group('check')]
lint:
    {{ run }} ruff format --check
    {{ run }} ruff check
    {{ run }} mypy
    {{ run }} pytest --quiet tests/test_imports.py

# Mend what the formatter and the linter can mend by themselves.
[group('check')]
fix:
    {{ run }} ruff format
    {{ run }} ruff check --fix

# Write what docs/ has of the protocol anew from the code, after a change of it.
[group('make')]
protocol *args:
    {{ run }} python -m cli.describe "$@"
