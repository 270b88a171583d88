"""Every class of hostile client in its short form: nobody honest notices, and nothing stays."""

from collections.abc import Iterator

import pytest

from tests.hostile.attacks.siege import Siege
from tests.hostile.attacks.siege import siege as besieged
from tests.hostile.attacks.table import ATTACKS
from tests.hostile.attacks.verdict import P99_FLOOR_IN_TESTS_S

CALM_ACKS, CALM_MORE = 1_000, 100


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    with besieged(P99_FLOOR_IN_TESTS_S) as found:
        assert found.calm(CALM_ACKS) == []
        yield found


@pytest.mark.parametrize("name", ATTACKS)
def test_the_broker_withstands(siege: Siege, name: str) -> None:
    _, faults = siege.withstands(name, ATTACKS[name].short, CALM_MORE)
    assert faults == []
