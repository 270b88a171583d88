"""What can be known of the broker from outside: its process, and the log that it wrote."""

import os
from pathlib import Path

from msgspec import Struct

from protocol.events import MoneyEarned, decode_body
from protocol.log import GENESIS, Position, follows
from protocol.partition import PARTITIONS_DEFAULT
from storage.log import Log
from tests.hostile.attacks.honest import Report, earning

READ_ENTRIES = 1_000
REMOTE, LOCAL, INODE = 2, 1, 9
"""Columns of /proc/net/tcp."""


class Use(Struct, frozen=True):
    """What a process holds: file descriptors, and bytes of resident memory."""

    descriptors: int
    resident_bytes: int


def use_of(pid: int, log_port: int) -> Use:
    """Look at a process. Its pool of connections to the log server is not counted."""
    pooled = _inodes_to(log_port)
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += str(link.readlink()) not in pooled
        except FileNotFoundError:  # closed meanwhile
            continue
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Use(found, resident * os.sysconf("SC_PAGESIZE"))


def _inodes_to(port: int) -> set[str]:
    """Return the sockets of this machine that are connected to a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ending = f":{port:04X}"
    return {f"socket:[{row[INODE]}]" for row in rows if row[REMOTE].endswith(ending)}


class Count:
    """What honest producers have in the log, counted from its bytes and from nothing else.

    Args:
        log: to read.
        producers: the honest ones' ids.
        players: theirs, for whom nobody else may earn.
    """

    def __init__(self, log: Log, producers: tuple[str, ...], players: tuple[str, ...]) -> None:
        self._log = log
        self._numbers = {producer: number for number, producer in enumerate(producers)}
        self._players = players
        self._at: list[Position] = [GENESIS] * PARTITIONS_DEFAULT
        self._counted: list[set[str]] = [set() for _ in producers]
        self._lanes: dict[tuple[int, str], int] = {}

    def faults(self, report: Report) -> list[str]:
        """Read what is new, and compare with what the producers say; return what is wrong."""
        found: list[str] = []
        for partition in range(PARTITIONS_DEFAULT):
            found += self._read(partition)
        for number, taken in enumerate(report.taken):
            wanted = {earning(self._players, number, k).reference for k in range(taken)}
            lost, more = wanted - self._counted[number], self._counted[number] - wanted
            if lost:
                found.append(f"producer {number} lost {sorted(lost)[:5]}")
            if more:
                found.append(f"producer {number} never sent {sorted(more)[:5]}")
        if set(report.sessions) != {1}:
            found.append(f"honest producers were disconnected: sessions {report.sessions}")
        if report.refused:
            found.append(f"{report.refused} honest earnings were refused")
        return found

    def _read(self, partition: int) -> list[str]:
        found: list[str] = []
        while entries := self._log.read(partition, self._at[partition].n, count=READ_ENTRIES):
            for entry in entries:
                if not follows(self._at[partition], entry):
                    found.append(f"partition {partition}: {entry.n} does not follow")
                self._at[partition] = entry.position
                for piece in decode_body(entry.body):
                    lane = (partition, piece.producer)
                    if piece.first != self._lanes.get(lane, 0) + 1:
                        found.append(f"{lane} goes on at {piece.first}, not where it ended")
                    self._lanes[lane] = piece.last
                    for event in piece.events:
                        found += self._fault(piece.producer, event)
        return found

    def _fault(self, producer: str, event: object) -> list[str]:
        number = self._numbers.get(producer)
        player = getattr(event, "player", None)
        if number is None:
            return [f"a stranger earned for {player}"] if player in self._players else []
        if not isinstance(event, MoneyEarned):
            return [f"producer {number} has {event} in the log"]
        if event.reference in self._counted[number]:
            return [f"{event.reference} is in the log twice"]
        self._counted[number].add(event.reference)
        sent = earning(self._players, number, int(event.reference.partition(":")[2]))
        return [] if event == sent else [f"{event} is not what was sent: {sent}"]
