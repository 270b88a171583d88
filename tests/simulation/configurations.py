"""The configurations that are explored: each small enough to be looked at whole.

Each looks closely at some parties and at all that they may meet, and takes the others' work as one
step; together every party is looked at closely somewhere, with every failure that it may meet.
"""

from typing import NamedTuple

from tests.simulation.rules import Broken
from tests.simulation.state import LanePlan, Plan


class Configuration(NamedTuple):
    """A configuration, what it is there for, and how many states it has."""

    about: str
    states: int
    plan: Plan


_ONE = (LanePlan(0, 0, 1),)
_TWO = (LanePlan(0, 0, 2),)
_THREE = (LanePlan(0, 0, 3),)
_VOID = (LanePlan(0, 0, 2, frozenset({1})),)
_TWO_PRODUCERS = (LanePlan(0, 0, 1), LanePlan(1, 0, 1))
_TWO_PARTITIONS = (LanePlan(0, 0, 1), LanePlan(0, 1, 1))

SMALL = {
    "session": Configuration(
        "two brokers, Goaway and Bye, crashes, answers lost and told twice",
        3_932,
        Plan(_TWO, batch=2, brokers=2, drains=True, requests=1),
    ),
    "strays": Configuration(
        "old requests that arrive late and twice, around a failover that loses the tail",
        29_308,
        Plan(_TWO, batch=2, failovers=1),
    ),
    "archivers": Configuration(
        "two archivers, each as stale as can be; trimming",
        1_980,
        Plan(_TWO, archivers=2, trims=True, requests=1, calm=True),
    ),
    "restorers": Configuration(
        "everything in the log server lost; two restorers, each as stale as can be",
        2_383,
        Plan(_ONE, restorers=2, wipes=1, requests=1),
    ),
    "projectors": Configuration(
        "two projectors; a refused event",
        1_576,
        Plan(_VOID, projectors=2, requests=1, calm=True),
    ),
    "forgetting": Configuration(
        "a fence that forgets; old requests of lanes that it forgot",
        1_894,
        Plan(_TWO, forgets=True, calm=True),
    ),
    "partitions": Configuration(
        "one outbox, two partitions, each of which may be lost",
        4_868,
        Plan(_TWO_PARTITIONS, wipes=1, requests=1, calm=True),
    ),
    "promises": Configuration(
        "an outbox in memory that dies: what was acked as replicated stays",
        1_185,
        Plan(_ONE, failovers=1, volatile=True, waits=True, requests=1, archivers=1),
    ),
}
"""Explored by every test run."""

FULL = {
    "session-failover": Configuration(
        "as session, and a failover that loses the tail",
        46_850,
        Plan(_TWO, batch=2, brokers=2, drains=True, failovers=1, requests=1),
    ),
    "strays-3": Configuration(
        "as strays, three events", 447_998, Plan(_THREE, batch=2, failovers=1)
    ),
    "failovers": Configuration(
        "two failovers, each of which loses a tail",
        51_389,
        Plan(_TWO, batch=2, failovers=2, requests=1),
    ),
    "archivers-failover": Configuration(
        "two archivers, trimming, a failover",
        166_865,
        Plan(_TWO, archivers=2, failovers=1, requests=1, trims=True),
    ),
    "restorers-archiver": Configuration(
        "two restorers and an archiver, everything in the log server lost",
        66_258,
        Plan(_TWO, archivers=1, restorers=2, wipes=1, requests=1),
    ),
    "projectors-failover": Configuration(
        "two projectors, a refused event, trimming, a failover",
        109_308,
        Plan(_VOID, projectors=2, failovers=1, trims=True, requests=1, calm=True),
    ),
    "forgetting-failover": Configuration(
        "a fence that forgets, old requests, a failover and a loss of everything",
        132_740,
        Plan(_TWO, forgets=True, failovers=1, wipes=1, calm=True),
    ),
    "partitions-failover": Configuration(
        "one outbox, two partitions that fail over apart, two brokers",
        28_312,
        Plan(_TWO_PARTITIONS, failovers=1, brokers=2, calm=True),
    ),
    "promises-archiver": Configuration(
        "two outboxes in memory that die; an archiver, a failover",
        55_340,
        Plan(
            _TWO_PRODUCERS,
            failovers=1,
            volatile=True,
            waits=True,
            requests=1,
            archivers=1,
            calm=True,
        ),
    ),
    "promises-restorer": Configuration(
        "two outboxes in memory that die; everything lost; an archiver, a restorer",
        71_848,
        Plan(
            _TWO_PRODUCERS,
            wipes=1,
            volatile=True,
            requests=1,
            archivers=1,
            restorers=1,
            calm=True,
        ),
    ),
}
"""Explored by ``--full``, beside the small ones."""

REDUNDANT = Configuration(
    "the incarnation is not checked at an append, and all holds: the fence is enough",
    1_124,
    Plan(_TWO, wipes=1, calm=True, broken=Broken.NO_INCARNATION),
)
"""A rule that can be broken alone without harm: a second lock on the same door."""

LIMIT = Plan(_ONE, requests=1, restorers=2, wipes=1, volatile=True, calm=True)
"""Two restorers at once, after all replicas died, and outboxes in memory that die as well: an event
acked as replicated by the log that the first one restored is undone by the second."""

LIMIT_STEPS = 14
