# ruff: noqa: T201 - a report on the terminal is what this is for
"""Explore the exactly-once model: ``python -m tests.simulation [--full] [--variant NAME]``."""

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.configurations import FULL, SMALL
from tests.simulation.explore import Explored, explore
from tests.simulation.rules import Broken
from tests.simulation.variants import VARIANTS, unbroken

WORKERS = 2


def main(arguments: list[str]) -> int:
    """Run what was asked for; 0 when every result is the expected one."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--full", action="store_true", help="also the large configurations")
    parser.add_argument("--variant", choices=[rule.name for rule in VARIANTS], help="one trace")
    chosen = parser.parse_args(arguments)
    if chosen.variant:
        return show(Broken[chosen.variant])
    configurations = SMALL | FULL if chosen.full else SMALL
    plans = {name: found.plan for name, found in configurations.items()}
    if chosen.full:
        plans |= unbroken()
    with ProcessPoolExecutor(WORKERS) as pool:
        recorded = {name: found.states for name, found in configurations.items()}
        held = _configurations(list(plans), recorded, pool.map(explore, plans.values()))
        broken = pool.map(explore, [found.plan for found in VARIANTS.values()])
        failed = _variants(broken)
    return 0 if held and failed else 1


def show(rule: Broken) -> int:
    """Print the shortest trace of a broken rule."""
    found = explore(VARIANTS[rule].plan)
    print(f"{rule.name}: {rule.value}")
    for number, action in enumerate(found.trace, 1):
        print(f"{number:4}  {action.words}")
    print(f"      {outcome(found)}; {found.states:,} states in {found.seconds:.1f} s")
    return 0 if found.wrong is VARIANTS[rule].wrong else 1


def outcome(found: Explored) -> str:
    """Return what an exploration came to, in words."""
    if found.wrong is None:
        return "holds"
    steps = len(found.trace)
    return f"{found.wrong.value} after {steps} steps" if steps else f"{found.wrong.value} at once"


def _configurations(
    names: list[str], recorded: dict[str, int], results: Iterable[Explored]
) -> bool:
    held = True
    print(f"{'configuration':24}{'states':>10}{'steps':>12}{'depth':>7}{'seconds':>9}")
    for name, found in zip(names, results, strict=True):
        same = found.states == recorded.get(name, found.states)
        held = held and found.wrong is None and same
        note = "" if same else f", recorded: {recorded[name]:,} states"
        line = f"{name:24}{found.states:>10,}{found.steps:>12,}{found.depth:>7}"
        print(f"{line}{found.seconds:>9.1f}  {outcome(found)}{note}", flush=True)
    return held


def _variants(results: Iterable[Explored]) -> bool:
    failed = True
    print(f"\n{'broken rule':24}{'states':>10}{'seconds':>9}")
    for (rule, variant), found in zip(VARIANTS.items(), results, strict=True):
        expected = found.wrong is variant.wrong and len(found.trace) == variant.steps
        failed = failed and expected
        note = "" if expected else f", expected {variant.wrong.value} after {variant.steps}"
        line = f"{rule.name.lower():24}{found.states:>10,}{found.seconds:>9.1f}"
        print(f"{line}  {outcome(found)}{note}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
