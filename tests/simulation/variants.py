"""Each rule broken in the smallest configuration that shows what it is for."""

from typing import NamedTuple

from tests.simulation.model import Wrong
from tests.simulation.rules import Broken
from tests.simulation.state import LanePlan, Plan


class Variant(NamedTuple):
    """A configuration with one rule broken, what must come of it, and how soon."""

    plan: Plan
    wrong: Wrong
    steps: int


_ONE = (LanePlan(0, 0, 1),)
_TWO = (LanePlan(0, 0, 2),)
_THREE = (LanePlan(0, 0, 3),)
_TWO_PRODUCERS = (LanePlan(0, 0, 1), LanePlan(1, 0, 1))


def _variants() -> dict[Broken, Variant]:
    def broken(rule: Broken, plan: Plan, wrong: Wrong, steps: int) -> tuple[Broken, Variant]:
        return rule, Variant(plan._replace(broken=rule), wrong, steps)

    return dict(
        [
            broken(Broken.CONTIGUITY, Plan(_TWO), Wrong.DISORDERED, 4),
            broken(Broken.FENCE_FIRST, Plan(_ONE, requests=1), Wrong.STUCK, 3),
            broken(Broken.DROP_AT_ACK, Plan(_TWO, failovers=1), Wrong.LOST, 5),
            broken(
                Broken.MARK_FROM_FENCE,
                Plan(_TWO, calm=True, archivers=1, failovers=1),
                Wrong.LOST,
                10,
            ),
            broken(
                Broken.NO_VOID,
                Plan((LanePlan(0, 0, 2, frozenset({1})),), requests=1),
                Wrong.STUCK,
                0,
            ),
            broken(
                Broken.NO_CLAIM,
                Plan(
                    _TWO_PRODUCERS,
                    requests=1,
                    calm=True,
                    archivers=1,
                    restorers=1,
                    wipes=1,
                    volatile=True,
                    waits=True,
                ),
                Wrong.LOST,
                17,
            ),
            broken(
                Broken.NO_CHAIN,
                Plan(_TWO_PRODUCERS, requests=1, calm=True, archivers=1, failovers=1),
                Wrong.DOUBLED,
                15,
            ),
            broken(Broken.FORGET_UNARCHIVED, Plan(_ONE, calm=True, forgets=True), Wrong.DOUBLED, 6),
            broken(
                Broken.CHECKPOINT_FIRST,
                Plan(_ONE, requests=1, calm=True, projectors=1),
                Wrong.STUCK,
                6,
            ),
            broken(Broken.NO_COMPARE, Plan(_ONE, calm=True, projectors=2), Wrong.DOUBLED, 7),
            broken(Broken.OVERWRITE, Plan(_TWO, calm=True, archivers=2, wipes=1), Wrong.LOST, 12),
            broken(Broken.RESEND_FROM_ACKED, Plan(_TWO, failovers=1, requests=1), Wrong.STUCK, 5),
            broken(Broken.GAP_REST, Plan(_THREE, batch=2), Wrong.DISORDERED, 4),
            broken(
                Broken.TRIM_UNARCHIVED,
                Plan(_ONE, requests=1, calm=True, trims=True),
                Wrong.STUCK,
                4,
            ),
            broken(Broken.NO_FENCE_RESTORED, Plan(_TWO, calm=True, wipes=1), Wrong.STUCK, 5),
            broken(Broken.NO_LOOK_UP, Plan(_TWO, calm=True, forgets=True), Wrong.DOUBLED, 6),
            broken(Broken.STALE_LOOK_UP, Plan(_TWO, calm=True, forgets=True), Wrong.DOUBLED, 11),
            broken(
                Broken.COUNTED_LOOK_UP,
                Plan(_TWO, requests=1, calm=True, forgets=True, failovers=1),
                Wrong.DOUBLED,
                13,
            ),
            broken(
                Broken.TRIMMED_UNCHECKED,
                Plan(_TWO, requests=1, calm=True, projectors=1, failovers=1, trims=True),
                Wrong.STUCK,
                10,
            ),
            broken(
                Broken.MARK_GAPS,
                Plan(_TWO_PRODUCERS, requests=1, calm=True, archivers=1, failovers=1),
                Wrong.STUCK,
                12,
            ),
            broken(
                Broken.ARCHIVE_UNREPLICATED,
                Plan(_TWO_PRODUCERS, requests=1, calm=True, failovers=1, volatile=True, waits=True),
                Wrong.LOST,
                10,
            ),
        ]
    )


VARIANTS = _variants()
"""Every broken rule, once."""


def unbroken() -> dict[str, Plan]:
    """Return the variants' configurations with no rule broken: in these, all must hold.

    What fails in a variant then fails for the broken rule, not for the configuration.
    """
    plans = {variant.plan._replace(broken=None): rule for rule, variant in VARIANTS.items()}
    return {f"less {rule.name.lower()}": plan for plan, rule in plans.items()}
