"""The exactly-once model holds, and each of its rules is needed."""

from pathlib import Path

import pytest

from tests.simulation.__main__ import main
from tests.simulation.configurations import FULL, LIMIT, LIMIT_STEPS, REDUNDANT, SMALL
from tests.simulation.explore import explore
from tests.simulation.model import Wrong
from tests.simulation.rules import Broken
from tests.simulation.variants import VARIANTS

FLOOR = 1_000
"""States below which a configuration would show nothing."""


@pytest.mark.parametrize("name", SMALL)
def test_a_configuration_holds_in_all_of_its_states(name: str) -> None:
    found = explore(SMALL[name].plan)
    assert found.wrong is None, [action.words for action in found.trace]
    assert found.states > FLOOR
    assert found.states == SMALL[name].states, "the model changed: look why, then record it"


@pytest.mark.parametrize("rule", VARIANTS, ids=lambda rule: rule.name.lower())
def test_a_broken_rule_fails_by_a_shortest_trace_of_the_recorded_length(rule: Broken) -> None:
    variant = VARIANTS[rule]
    found = explore(variant.plan)
    assert found.wrong is variant.wrong
    assert len(found.trace) == variant.steps, [action.words for action in found.trace]


def test_every_rule_is_broken_somewhere() -> None:
    assert set(VARIANTS) | {REDUNDANT.plan.broken} == set(Broken)


def test_an_append_without_the_incarnations_check_is_held_by_the_fence_alone() -> None:
    found = explore(REDUNDANT.plan)
    assert found.wrong is None
    assert found.states == REDUNDANT.states


def test_two_restorers_at_once_may_undo_what_was_acked_after_a_total_loss() -> None:
    found = explore(LIMIT)
    assert found.wrong is Wrong.LOST
    assert len(found.trace) == LIMIT_STEPS, [action.words for action in found.trace]


def test_a_variants_trace_is_printed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--variant", "GAP_REST"]) == 0
    printed = capsys.readouterr().out
    assert "   4  the log takes the request [lane 0: 2-3]: gap" in printed
    assert "disordered after 4 steps" in printed


def test_the_document_has_the_numbers_that_are_recorded() -> None:
    text = (Path(__file__).parents[2] / "docs" / "MODEL.md").read_text()
    for rule, variant in VARIANTS.items():
        row = f"| `{rule.name.lower()}` | {rule.value} | {variant.wrong.value} | {variant.steps} |"
        assert row in text
    for name, found in (SMALL | FULL).items():
        assert f"| {name} | {found.about} | {found.states:,} |" in text
