"""Breadth-first exploration of every state of a configuration.

Laws:

- States are found in the order of their distance from the first one, so the first wrong state has
  the shortest trace there is.
- STUCK is looked for backwards: from the states where all is done along the steps of regular work.
  A state that this does not reach can get on only by a failure, or not at all.
- The order of steps is fixed: a run gives the same numbers every time.
"""

import gc
import time
from array import array
from typing import NamedTuple

from tests.simulation.model import Wrong, canonical, done, successors, wrong
from tests.simulation.state import Action, Plan, World, initial


class Explored(NamedTuple):
    """What an exploration found.

    Attributes:
        states, steps: how many distinct ones were looked at.
        depth: the greatest distance from the first state.
        seconds: how long it took.
        wrong: what is wrong with the trace's last state, None where all holds.
        trace: the shortest way there.
    """

    states: int
    steps: int
    depth: int
    seconds: float
    wrong: Wrong | None
    trace: tuple[Action, ...]


class _Work:
    """The steps of regular work, as chains of edges by target, in flat arrays."""

    def __init__(self) -> None:
        self.newest = array("q")
        self.older = array("q")
        self.source = array("q")

    def add(self, source: int, target: int) -> None:
        self.older.append(self.newest[target])
        self.newest[target] = len(self.source)
        self.source.append(source)

    def reach(self, targets: list[int]) -> bytearray:
        """Return, by state, whether one of the targets can be reached from it."""
        reached = bytearray(len(self.newest))
        for target in targets:
            reached[target] = 1
        while targets:
            edge = self.newest[targets.pop()]
            while edge >= 0:
                source = self.source[edge]
                if not reached[source]:
                    reached[source] = 1
                    targets.append(source)
                edge = self.older[edge]
        return reached


class _Search:
    """One exploration under way."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.worlds: list[World] = []
        self.parents = array("q")
        self.depths = array("l")
        self.numbers: dict[World, int] = {}
        self.work = _Work()
        self.goals: list[int] = []
        self.steps = 0
        self.wrong: tuple[int, Wrong] | None = None

    def add(self, world: World, parent: int) -> int:
        """Return the state's number; note it, and what is wrong with it, if it is new."""
        world = canonical(self.plan, world)
        number = self.numbers.setdefault(world, len(self.worlds))
        if number == len(self.worlds):
            self.worlds.append(world)
            self.parents.append(parent)
            self.depths.append(0 if parent < 0 else self.depths[parent] + 1)
            self.work.newest.append(-1)
            if done(self.plan, world):
                self.goals.append(number)
            found = wrong(self.plan, world)
            if found is not None:
                self.wrong = number, found
        return number

    def run(self) -> None:
        """Look at every state, until one is wrong."""
        self.add(initial(self.plan), -1)
        at = 0
        while at < len(self.worlds) and self.wrong is None:
            work, faults = successors(self.plan, self.worlds[at])
            self.steps += len(work) + len(faults)
            for _, world in work:
                target = self.add(world, at)
                if target != at:
                    self.work.add(at, target)
            for _, world in faults:
                self.add(world, at)
            at += 1
        if self.wrong is None:
            stuck = self.work.reach(list(self.goals)).find(0)
            if stuck >= 0:
                self.wrong = stuck, Wrong.STUCK

    def trace(self, number: int) -> tuple[Action, ...]:
        """Return the steps that led to a state."""
        actions: list[Action] = []
        while (parent := self.parents[number]) >= 0:
            work, faults = successors(self.plan, self.worlds[parent])
            actions.append(
                next(
                    action
                    for action, world in (*work, *faults)
                    if canonical(self.plan, world) == self.worlds[number]
                )
            )
            number = parent
        return tuple(reversed(actions))


def explore(plan: Plan) -> Explored:
    """Look at every state of a configuration; stop at the first wrong one."""
    began = time.perf_counter()
    search = _Search(plan)
    gc.disable()  # nothing here is a cycle, and millions of tuples are long to look through
    try:
        search.run()
    finally:
        gc.enable()
    number, found = search.wrong or (0, None)
    return Explored(
        states=len(search.worlds),
        steps=search.steps,
        depth=search.depths[-1],
        seconds=time.perf_counter() - began,
        wrong=found,
        trace=search.trace(number),
    )
