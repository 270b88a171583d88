"""The alphabets and lengths of ids.

Player ids are ASCII, so that "player id ascending" is the same order in Redis, in MongoDB,
in SQLite and in every client language.
"""

import re

PLAYER_ID_MAX = 64
SUBJECT_MAX = 128
REFERENCE_MAX = 128
"""Characters of an earning's reference, the game's own name for what was earned."""

SEASON_PRODUCER = "season"
"""The lane that closes seasons; its seq is the season, so each can be closed only once."""

RESTORE_PRODUCER = "restore"
"""The lane of Restored records; its seq is the incarnation that each begins."""

_PLAYER = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{PLAYER_ID_MAX - 1}}}")
_PRODUCER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SUBJECT = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:@/-]{{0,{SUBJECT_MAX - 1}}}")


def is_player_id(text: str) -> bool:
    """Tell whether text is a player id: 1 to 64 of ``A-Za-z0-9._:-``, first one alphanumeric."""
    return _PLAYER.fullmatch(text) is not None


def is_producer_id(text: str) -> bool:
    """Tell whether text is a client's producer id: a UUID in lower-case hexadecimal."""
    return _PRODUCER.fullmatch(text) is not None


def is_subject(text: str) -> bool:
    """Tell whether text may be a token's subject."""
    return _SUBJECT.fullmatch(text) is not None


def is_reference(text: str) -> bool:
    """Tell whether text may be an earning's reference: printable, 0 to 128 characters."""
    return len(text) <= REFERENCE_MAX and text.isprintable()


def prize_producer(season: int) -> str:
    """Return the producer whose lanes carry the prizes of a season, each award once."""
    return f"prize-{season}"


def uuid7(time_ms: int, random: bytes) -> str:
    """Make a UUIDv7 (RFC 9562, section 5.7).

    Args:
        time_ms: Unix time in milliseconds, 48 bits.
        random: 10 bytes, random or derived from what the id stands for.
    """
    value = (time_ms & (2**48 - 1)) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
