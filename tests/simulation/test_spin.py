"""The Promela model holds, and fails where a rule of it is broken."""

import os

import pytest

from tests.simulation.spin import (
    PROGRESS,
    SAFETY,
    SMALL,
    VARIANT_SIZE,
    VARIANTS,
    missing,
    verify,
)

STATES_MIN = 10_000
"""An exploration with fewer would show nothing."""


@pytest.fixture(autouse=True)
def spin_is_there() -> None:
    """Skip with the reason where spin is absent; in CI that is a failure."""
    reason = missing()
    if reason is None:
        return
    assert os.environ.get("CI") != "true", reason
    pytest.skip(reason)


@pytest.mark.parametrize("check", [SAFETY, PROGRESS])
def test_the_model_holds_in_all_of_its_states(check: str) -> None:
    found = verify(check, *SMALL)
    assert found.errors == 0, found.text
    assert found.states > STATES_MIN


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_rule_is_noticed(name: str) -> None:
    found = verify(VARIANTS[name], name, *VARIANT_SIZE)
    assert found.errors == 1, found.text
