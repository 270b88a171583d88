"""``just hostile``: every class of attack in its full form; a table of what it cost the honest."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from tests.hostile.attacks.siege import siege
from tests.hostile.attacks.table import ATTACKS
from tests.hostile.attacks.verdict import Case, percentile

CALM, CALM_SHORT = 2_000, 300
"""Honest acks before each attack."""
WIDTH = 150


def row(case: Case, faults: list[str]) -> list[str]:
    """Return an attack's row."""
    calm, attacked = case.calm, case.attacked or [0.0]
    times = [
        f"{1000 * percentile(calm, share):.1f} / {1000 * percentile(attacked, share):.1f}"
        for share in (0.5, 0.99)
    ]
    before, after = case.before, case.after
    return [
        case.attack,
        f"{case.outcome.attempts:,}",
        f"{case.outcome.seen.get(case.proof, 0):,} {case.proof}",
        *times,
        f"{before.descriptors} / {after.descriptors}",
        f"{before.resident_bytes / 2**20:.1f} / {after.resident_bytes / 2**20:.1f}",
        "[red]failed" if faults else "withstood",
    ]


def main() -> int:
    """Run and print; 1 if the broker has not withstood all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help=f"of {', '.join(ATTACKS)}")
    parser.add_argument("--short", action="store_true", help="as the tests run them")
    arguments = parser.parse_args()
    short = arguments.short
    console = Console(width=WIDTH)
    table = Table("attack", "tries", "saw", "p50 ms", "p99 ms", "fds", "RSS MiB", "verdict")
    table.caption = "calm / attacked, before / after"
    failed: list[str] = []
    with siege() as found:
        for name in arguments.attacks or ATTACKS:
            attack = ATTACKS[name]
            plan, acks = (attack.short, CALM_SHORT) if short else (attack.full, CALM)
            case, faults = found.withstands(name, plan, acks)
            table.add_row(*row(case, faults))
            failed += [f"{name}: {fault}" for fault in faults]
            console.print(f"{name}: {'; '.join(faults) or 'withstood'}", markup=False)
    console.print(table)
    for line in failed:
        console.print(line, markup=False, style="red")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
