"""The partition hash: golden vectors that every client must agree with."""

import pytest

from protocol.identity import is_player_id, is_producer_id, is_subject, uuid7
from protocol.partition import partition_of


@pytest.mark.parametrize(
    ("player", "crc"),
    [("a", 0xE8B7BE43), ("123456789", 0xCBF43926), ("A.b_c:d-9", None)],
)
def test_golden(player: str, crc: int | None) -> None:
    if crc is not None:
        assert partition_of(player, 2**32) == crc
        assert partition_of(player, 4) == crc % 4
    assert 0 <= partition_of(player, 7) < 7


@pytest.mark.parametrize("good", ["a", "A" * 64, "0", "x.y_z:w-1"])
def test_player_ids(good: str) -> None:
    assert is_player_id(good)
    assert is_subject(good)


@pytest.mark.parametrize("bad", ["", "a" * 65, ".a", "-a", "ä", "a b", "a\n", "a/b", "\0"])
def test_what_is_no_player_id(bad: str) -> None:
    assert not is_player_id(bad)


def test_uuid7_has_its_version_variant_and_time() -> None:
    # the example of RFC 9562, appendix A.6
    random = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    found = uuid7(0x017F22E279B0, random)
    assert found == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert is_producer_id(found)
    assert not is_producer_id(found.upper())
