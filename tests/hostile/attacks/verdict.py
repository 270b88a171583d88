"""What is asked of a broker under attack. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from tests.hostile.attacks.attacker import Outcome
from tests.hostile.attacks.probes import Use

P99_RATIO = 3.0
P99_FLOOR_S = 0.025
"""Calm p99s of a few milliseconds vary by more than three times on a machine with two cores that
others use too: a process that has to wait for a core gets it after 4 to 24 ms (the kernel's turns).
Below this, nothing can be told from that; a game notices no ack that takes 25 ms."""

P99_FLOOR_IN_TESTS_S = 0.15
"""The same in the test suite, which runs on whatever machine with whatever beside it: above every
hiccup of a busy core, below the stalls of 180 to 1,340 ms that attacks have caused before they were
mended. ``just hostile`` holds the broker to the 25 ms."""

RESIDENT_ALLOWANCE = 32 * 1024 * 1024
ACKS_MIN = 100
"""Below so many acks there is no p99; and honest producers who get fewer are shut out."""


class Case(Struct, frozen=True):
    """One attack and what was measured around it.

    Attributes:
        attack: its name.
        proof: what the attack must have seen.
        outcome: what it did.
        calm, attacked: seconds to an ack, of each honest earning, before and during it.
        before, after: what the broker held; after, once it had the time to let go.
        honest_faults: what is wrong in the log, in the honest sessions or with a newcomer's.
        alive: whether the same process still runs.
        p99_floor_s: below it no p99 is too long.
    """

    attack: str
    proof: str
    outcome: Outcome
    calm: Sequence[float]
    attacked: Sequence[float]
    before: Use
    after: Use
    honest_faults: Sequence[str]
    alive: bool
    p99_floor_s: float = P99_FLOOR_S

    @property
    def p99_bound(self) -> float:
        """The longest p99, in seconds, that honest producers may have under attack."""
        return max(self.p99_floor_s, P99_RATIO * percentile(self.calm, 0.99))

    def faults(self) -> list[str]:
        """Return what is wrong, in sentences; empty when the broker has withstood."""
        return self.faults_in_fact() + self.faults_in_time()

    def faults_in_fact(self) -> list[str]:
        """Return what is wrong whatever else the machine did meanwhile."""
        found = [*self.outcome.breaches, *self.honest_faults]
        if not self.alive:
            found.append("the broker has ended")
        if not self.outcome.seen.get(self.proof):
            found.append(f"the attack never got as far as {self.proof!r}: {self.outcome.seen}")
        return found + held(self.before, self.after)

    def faults_in_time(self) -> list[str]:
        """Return what the honest producers had to wait for too long."""
        if len(self.attacked) < ACKS_MIN:
            return [f"only {len(self.attacked)} honest earnings were acked meanwhile"]
        p99 = percentile(self.attacked, 0.99)
        if p99 <= self.p99_bound:
            return []
        return [f"honest p99 was {1000 * p99:.1f} ms, above {1000 * self.p99_bound:.1f} ms"]


def held(before: Use, after: Use) -> list[str]:
    """Return what a broker has not let go of, in sentences."""
    found = []
    if after.descriptors > before.descriptors:
        found.append(f"{after.descriptors - before.descriptors} file descriptors stayed open")
    grown = after.resident_bytes - before.resident_bytes
    if grown > RESIDENT_ALLOWANCE:
        found.append(f"{grown / 2**20:.1f} MiB of memory stayed")
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
