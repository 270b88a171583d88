"""Compressed values: zstd over msgpack, with a bound on what it may unfold to."""

from typing import Any, TypeVar

import msgspec
import zstandard

from protocol.errors import ArchiveError

T = TypeVar("T")

UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
"""A state of 10 million players is about 300 MB; a chunk that claims more is damaged."""

LEVEL = 3
"""zstd's default: about 300 MB/s a core; higher levels save little on packed numbers."""


def pack(value: Any) -> bytes:
    """Encode and compress a value."""
    encoded = msgspec.msgpack.encode(value)
    return zstandard.ZstdCompressor(level=LEVEL).compress(encoded)


def unpack(data: bytes, kind: type[T]) -> T:
    """Decompress and decode a value.

    Raises:
        ArchiveError: damaged, larger than the bound, or not a ``kind``.
    """
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= UNPACKED_BYTES_MAX:
            raise ArchiveError(f"a chunk claims {size} bytes")
        return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(data), type=kind)
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArchiveError(f"a chunk is damaged: {error}") from error
