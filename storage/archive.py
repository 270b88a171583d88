"""The archive's promises, written once over any store of documents.

Laws:

- Segments of a partition are consecutive: each begins at the record after the one before and has
  its chain. A manifest is inserted last and only if absent, so two archivers, or one with a stale
  view, can neither overlap nor fork the archive.
- A settlement is inserted if absent: there is one a season, for ever.
- A season is closed when its standings' manifest stands, which is inserted last of all.
- Nothing is called archived before it was read back.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from protocol.errors import ArchiveError, ConfigurationError
from protocol.events import SeasonClosed, decode_body
from protocol.log import Entry, Position, follows
from storage.archived import (
    STANDINGS_CHUNK,
    Layout,
    PartitionState,
    Segment,
    Settlement,
    Snapshot,
    Standing,
    Standings,
    Tip,
)
from storage.compression import pack, unpack
from storage.documents import CHUNK_BYTES_MAX, Document, Documents, Kind

T = TypeVar("T")

CACHED_CHUNKS = 256
"""Decoded standings chunks kept: they are immutable, about 300 KB each decoded."""

SCAN_SEGMENTS = 64
"""Manifests fetched at once while walking a partition."""


class Archive:
    """Layout, segments, snapshots, settlements and standings over a store of documents.

    All methods block, may be called from any thread, and raise ArchiveUnavailableError on an
    outage; every write may then be repeated.

    Args:
        documents: the store; closed with the archive.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._cache: OrderedDict[str, list[Standing]] = OrderedDict()
        self._cache_lock = Lock()

    # Layout

    def layout(self, wanted: Layout) -> Layout:
        """Record how the store is laid out, if nothing is recorded yet; return what stands."""
        self._documents.insert(Kind.LAYOUT, 0, 0, _plain(wanted))
        found = self.known_layout()
        if found is None:
            raise ArchiveError("the layout vanished while it was written")
        return found

    def known_layout(self) -> Layout | None:
        """Return how the store is laid out, None before it was created."""
        return _typed(self._documents.get(Kind.LAYOUT, 0, 0), Layout)

    # Segments

    def tip(self, partition: int) -> Tip:
        """Return where the partition's archive ends."""
        segment = self._newest_segment(partition)
        if segment is None:
            return Tip()
        position = Position(segment.last, segment.chain_after)
        return Tip(position, segment.season_after, segment.time_ms, segment.incarnation)

    def append_segment(self, partition: int, incarnation: int, entries: list[Entry]) -> bool:
        """Archive entries that follow the partition's tip.

        Returns:
            True when the archive holds exactly these entries as its next segment; False when
            another archiver was there first: read the tip again.

        Raises:
            ArchiveError: the entries do not continue what is archived.
        """
        before = self.tip(partition).position
        start = entries[0].n - entries[0].count
        if start < before.n:
            return False
        after = before
        for entry in entries:
            if not follows(after, entry):
                raise ArchiveError(
                    f"partition {partition}: the entry at {entry.n} does not follow "
                    f"the archive at {after.n}"
                )
            after = entry.position
        last = entries[-1]
        data = pack(entries)
        if len(data) > CHUNK_BYTES_MAX:
            raise ArchiveError(f"a segment of {len(data)} bytes is too large for one chunk")
        segment = Segment(
            partition=partition,
            first=before.n + 1,
            last=last.n,
            chain_before=before.chain,
            chain_after=last.chain,
            season_after=last.season + _closes_season(last),
            time_ms=last.time_ms,
            incarnation=incarnation,
            chunk=self._documents.put_chunk(data),
            size=len(data),
        )
        self._documents.insert(Kind.SEGMENT, partition, segment.first, _plain(segment))
        stands = _typed(self._documents.get(Kind.SEGMENT, partition, segment.first), Segment)
        if stands != segment:
            return False
        self._documents.chunk(segment.chunk)
        return True

    def entries(self, partition: int, after: Position) -> Iterator[Entry]:
        """Yield the archived entries after a position, in order, each verified.

        Raises:
            ArchiveError: the archive lacks or contradicts the position or its own chain.
        """
        covering = self._documents.newest(Kind.SEGMENT, partition, after.n + 1)
        if covering is None:
            if after.n:
                raise ArchiveError(f"partition {partition}: nothing is archived up to {after.n}")
            return
        found = msgspec.convert(covering, Segment)
        if found.last <= after.n:
            if Position(found.last, found.chain_after) != after:
                raise ArchiveError(f"partition {partition}: the archive has no position {after.n}")
            return
        from_n = found.first
        while manifests := self._documents.scan(Kind.SEGMENT, partition, from_n, SCAN_SEGMENTS):
            for manifest in manifests:
                segment = msgspec.convert(manifest, Segment)
                for entry in unpack(self._documents.chunk(segment.chunk), list[Entry]):
                    if entry.n <= after.n:
                        continue
                    if not follows(after, entry):
                        raise ArchiveError(
                            f"partition {partition}: the archived entry at {entry.n} "
                            f"does not follow {after.n}"
                        )
                    yield entry
                    after = entry.position
                from_n = segment.last + 1

    def last_entry(self, partition: int) -> Entry | None:
        """Return the archive's last entry of a partition; None when nothing is archived."""
        segment = self._newest_segment(partition)
        if segment is None:
            return None
        return unpack(self._documents.chunk(segment.chunk), list[Entry])[-1]

    def _newest_segment(self, partition: int) -> Segment | None:
        return _typed(self._documents.newest(Kind.SEGMENT, partition), Segment)

    # Snapshots

    def put_snapshot(self, partition: int, state: PartitionState) -> Snapshot:
        """Archive a state; one that closed a season is found by the season, too."""
        data = pack(state)
        chunks = [
            self._documents.put_chunk(data[at : at + CHUNK_BYTES_MAX])
            for at in range(0, len(data), CHUNK_BYTES_MAX)
        ]
        snapshot = Snapshot(
            partition=partition,
            n=state.position.n,
            chain=state.position.chain,
            season=state.season,
            closed=state.closed,
            time_ms=state.time_ms,
            incarnation=state.incarnation,
            players=len(state.money),
            earned=state.earned,
            chunks=tuple(chunks),
        )
        self._documents.insert(Kind.SNAPSHOT, partition, snapshot.n, _plain(snapshot))
        if state.closed:
            self._documents.insert(Kind.CLOSING, partition, state.season, _plain(snapshot))
        return snapshot

    def newest_snapshot(self, partition: int, at_most_n: int | None = None) -> Snapshot | None:
        """Return the newest snapshot, not past record ``at_most_n``."""
        return _typed(self._documents.newest(Kind.SNAPSHOT, partition, at_most_n), Snapshot)

    def closing_snapshot(self, partition: int, season: int) -> Snapshot | None:
        """Return the snapshot taken where the partition's season closed."""
        return _typed(self._documents.get(Kind.CLOSING, partition, season), Snapshot)

    def load_snapshot(self, snapshot: Snapshot) -> PartitionState:
        """Return the state that a snapshot holds."""
        data = b"".join(self._documents.chunk(digest) for digest in snapshot.chunks)
        return unpack(data, PartitionState)

    def prune_snapshots(self, partition: int, keep_newest: int) -> int:
        """Delete all but the newest snapshots; closing ones stay found by season.

        Chunks stay: a closing snapshot may share them. Returns how many were deleted.
        """
        found = [
            msgspec.convert(document, Snapshot).n
            for document in self._documents.scan(Kind.SNAPSHOT, partition, 0, 10_000)
        ]
        gone = found[:-keep_newest]
        for n in gone:
            self._documents.delete(Kind.SNAPSHOT, partition, n)
        return len(gone)

    # Seasons

    def settle(self, settlement: Settlement) -> Settlement:
        """Record a season's settlement if it has none; return the one that stands."""
        self._documents.insert(Kind.SETTLEMENT, 0, settlement.season, _plain(settlement))
        found = self.settlement(settlement.season)
        if found is None:
            raise ArchiveError(f"the settlement of season {settlement.season} vanished")
        return found

    def settlement(self, season: int) -> Settlement | None:
        """Return a season's settlement."""
        return _typed(self._documents.get(Kind.SETTLEMENT, 0, season), Settlement)

    def put_standings(self, season: int, digest: str, standings: Sequence[Standing]) -> Standings:
        """Archive a season's final standings, given by rank and player id; closes the season."""
        by_rank = [
            self._documents.put_chunk(pack(standings[at : at + STANDINGS_CHUNK]))
            for at in range(0, len(standings), STANDINGS_CHUNK)
        ]
        buckets: list[list[Standing]] = [[] for _ in by_rank]
        for standing in standings:
            buckets[_bucket(standing.player, len(buckets))].append(standing)
        by_player = [
            self._documents.put_chunk(pack(sorted(bucket, key=lambda found: found.player)))
            for bucket in buckets
        ]
        manifest = Standings(season, len(standings), digest, tuple(by_rank), tuple(by_player))
        self._documents.insert(Kind.STANDINGS, 0, season, _plain(manifest))
        found = self.standings(season)
        if found is None:
            raise ArchiveError(f"the standings of season {season} vanished")
        return found

    def standings(self, season: int) -> Standings | None:
        """Return the manifest of a season's standings, None while it is not closed."""
        return _typed(self._documents.get(Kind.STANDINGS, 0, season), Standings)

    def standings_page(self, season: int, offset: int, limit: int) -> list[Standing]:
        """Return standings by rank and player id; empty where the season is not closed."""
        manifest = self.standings(season)
        if manifest is None:
            return []
        page: list[Standing] = []
        for at in range(offset // STANDINGS_CHUNK, len(manifest.by_rank)):
            chunk = self._standings_chunk(manifest.by_rank[at])
            start = max(0, offset - at * STANDINGS_CHUNK)
            page += chunk[start : start + limit - len(page)]
            if len(page) == limit:
                break
        return page

    def standing_of(self, season: int, player: str) -> Standing | None:
        """Return a player's final standing in a closed season, with one chunk look-up."""
        manifest = self.standings(season)
        if manifest is None or not manifest.by_player:
            return None
        digest = manifest.by_player[_bucket(player, len(manifest.by_player))]
        found = (entry for entry in self._standings_chunk(digest) if entry.player == player)
        return next(found, None)

    def closed_seasons(self) -> int:
        """Return the number of the last closed season, 0 before the first."""
        found = _typed(self._documents.newest(Kind.STANDINGS, 0), Standings)
        return 0 if found is None else found.season

    def close(self) -> None:
        """Close the store."""
        self._documents.close()

    def _standings_chunk(self, digest: str) -> list[Standing]:
        with self._cache_lock:
            if digest in self._cache:
                self._cache.move_to_end(digest)
                return self._cache[digest]
        found = unpack(self._documents.chunk(digest), list[Standing])
        with self._cache_lock:
            self._cache[digest] = found
            while len(self._cache) > CACHED_CHUNKS:
                self._cache.popitem(last=False)
        return found


def require_partitions(layout: Layout, partitions: int) -> None:
    """Refuse to work on a store with another number of partitions than it was created with.

    Raises:
        ConfigurationError: the text names both.
    """
    if layout.partitions != partitions:
        raise ConfigurationError(
            f"partitions: this store was created with {layout.partitions}, not {partitions}; "
            "the number is fixed for the life of a store"
        )


def _closes_season(entry: Entry) -> bool:
    return isinstance(decode_body(entry.body)[-1].events[-1], SeasonClosed)


def _bucket(player: str, buckets: int) -> int:
    return crc32(player.encode()) % buckets


def _plain(value: Any) -> Document:
    plain: Document = msgspec.to_builtins(value, builtin_types=(bytes,))
    return plain


def _typed(document: Document | None, kind: type[T]) -> T | None:
    return None if document is None else msgspec.convert(document, kind)
