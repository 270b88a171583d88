# ruff: noqa: T201 - a report on the terminal is what this is for
"""Run the Promela model: ``python -m tests.simulation.spin [VARIANT]``.

Needs ``spin`` (Debian package ``spin``) and ``gcc``. Each run generates, compiles and runs a
verifier in a directory of its own.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

MODEL = Path(__file__).with_name("moneyboard.pml")
MEMORY_MB = 4_096
DEPTH = 4_000_000
"""Steps of a path that a search keeps, at most; the verifier says so if it is too few."""

RUN_S = 240
"""A run that takes longer is broken."""

SAFETY = "safety"
PROGRESS = "progress"

VARIANTS = {
    "NO_CONTIGUITY": SAFETY,
    "DROP_AT_ACK": SAFETY,
    "MARK_FROM_FENCE": SAFETY,
    "NO_COMPARE": SAFETY,
    "NO_FENCE_RESTORED": SAFETY,
    "NO_RESEND": PROGRESS,
}
"""A rule broken by a definition, and the check that must notice."""

SMALL = ("FAILURES=1",)
SIZES = (
    SMALL,
    ("FAILURES=1", "PROJECTORS=2"),
    ("FAILURES=1", "RESTORERS=2"),
    ("FAILURES=2",),
)
"""What there is of each; the rest is one of a kind, with two events."""

VARIANT_SIZE = ("FAILURES=1", "PROJECTORS=2")
"""In which every variant fails."""


class Verified(NamedTuple):
    """What a run found: errors, states stored, seconds, and the verifier's own words."""

    errors: int
    states: int
    seconds: float
    text: str


def missing() -> str | None:
    """Return why the model can't be run here, None where it can."""
    absent = [name for name in ("spin", "gcc") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def verify(check: str, *definitions: str) -> Verified:
    """Explore the whole model.

    Args:
        check: SAFETY for the assertions, PROGRESS for ``done`` on every weakly fair run.
        definitions: macros to define.

    Raises:
        RuntimeError: the search was not exhaustive, or a tool failed.
    """
    began = time.perf_counter()
    safety = check == SAFETY
    defined = [f"-D{name}" for name in definitions]
    kind = ["-DSAFETY", "-DNOCLAIM"] if safety else ["-DNFAIR=4"]
    options = [] if safety else ["-a", "-f"]
    with tempfile.TemporaryDirectory() as folder:
        _run(folder, "spin", *defined, "-a", str(MODEL))
        size = f"-DMEMLIM={MEMORY_MB}"
        _run(folder, "gcc", "-O2", "-w", "-DCOLLAPSE", size, *kind, "-o", "pan", "pan.c")
        text = _run(folder, "./pan", f"-m{DEPTH}", *options)
    errors = re.search(r"errors: (\d+)", text)
    states = re.search(r"([\d.e+]+) states, stored", text)
    if errors is None or states is None:
        raise RuntimeError(text)
    if errors[1] == "0" and ("max search depth too small" in text or "not completed" in text):
        raise RuntimeError(f"the search was not exhaustive: {text}")
    return Verified(int(errors[1]), int(float(states[1])), time.perf_counter() - began, text)


def _run(folder: str, *command: str) -> str:
    found = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=RUN_S
    )
    if found.returncode != 0:
        raise RuntimeError(f"{command[0]}: {found.stdout}{found.stderr}")
    return found.stdout


def main(arguments: list[str]) -> int:
    """Run the model as it should be, then each variant; 0 when each result is as expected."""
    runs = [(check, size, 0) for size in SIZES for check in (SAFETY, PROGRESS)]
    variants = [(check, (name, *VARIANT_SIZE), 1) for name, check in VARIANTS.items()]
    if arguments:
        runs = []
        variants = [found for found in variants if found[1][0] in arguments]
    right = True
    for check, definitions, errors in runs + variants:
        found = verify(check, *definitions)
        right = right and found.errors == errors
        line = f"{' '.join(definitions):44}{check:10}{found.states:>10,} states"
        print(f"{line}{found.seconds:>7.1f} s  errors: {found.errors}", flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    if (reason := missing()) is not None:
        sys.exit(reason)
    sys.exit(main(sys.argv[1:]))
