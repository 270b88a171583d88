"""Which partition a player belongs to: CRC-32 of the id's UTF-8, modulo P.

Stable for ever and simple in any language, because clients compute it too.
"""

from zlib import crc32

HASH_NAME = "crc32"
"""The name of the hash in Welcome and in the archived layout."""

PARTITIONS_DEFAULT = 4
PARTITIONS_MAX = 1024


def partition_of(player: str, partitions: int) -> int:
    """Return the partition of a player, 0 <= partition < partitions.

    Args:
        player: the player's id.
        partitions: P, the number of partitions of this store, at least 1.
    """
    return crc32(player.encode()) % partitions
