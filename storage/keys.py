"""The names of all keys in Redis.

Every key of partition k carries the hash tag ``{k}``: on a cluster they share a slot, move and
fail over together, and one script may change them at once.
"""

PROJECTION_VERSION = 1
"""Version of the folds: read models of another version live under other keys."""


def log(partition: int) -> str:
    """Stream: the partition's entries; the ID is ``{n}-0``; fields c, s, t, v, b, h."""
    return f"mb:{{{partition}}}:log"


def head(partition: int) -> str:
    """Hash: n, chain, season, time_ms, incarnation, archived (n), writes."""
    return f"mb:{{{partition}}}:head"


def fence(partition: int) -> str:
    """Hash: producer to the last seq of its lane in the log."""
    return f"mb:{{{partition}}}:fence"


def archived(partition: int) -> str:
    """Hash: producer to the last seq of its lane in the archive."""
    return f"mb:{{{partition}}}:archived"


def voids(partition: int) -> str:
    """Sorted set by name: ``{producer}:{seq, 16 digits}:{code}`` of each void record."""
    return f"mb:{{{partition}}}:voids"


def checkpoint(partition: int) -> str:
    """Hash: n, chain, season, time_ms, incarnation that the read models reflect."""
    return f"mb:{{{partition}}}:p{PROJECTION_VERSION}:checkpoint"


def board(partition: int, season: int) -> str:
    """Sorted set: player to negated money of the season."""
    return f"mb:{{{partition}}}:p{PROJECTION_VERSION}:board:{season}"


def totals(partition: int, season: int) -> str:
    """Hash: earned (minor units) and earnings (count) of the season."""
    return f"mb:{{{partition}}}:p{PROJECTION_VERSION}:totals:{season}"


def prizes(partition: int) -> str:
    """Hash: player to the sum of all prizes ever paid to it."""
    return f"mb:{{{partition}}}:p{PROJECTION_VERSION}:prizes"


def staged(name: str, token: str) -> str:
    """What is being filled to replace a key, in its slot; expires if that is never finished.

    Args:
        name: the key.
        token: of the one who fills it, so that two do not mix.
    """
    return f"{name}:staged:{token}"
