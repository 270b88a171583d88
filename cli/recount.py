"""A third computation: counts money straight from the log's bytes, for ``moneyboard verify``.

It shares no fold and no arithmetic with the services: plain dictionaries, fractions, its own
reading of tags and its own chain. Slow and simple on purpose. Pure.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from protocol.log import Entry

EARNED, REVERSED, CLOSED, AWARDED, VOID, RESTORED = 0x11, 0x21, 0x31, 0x41, 0x51, 0x61


class Recount:
    """One partition, counted record by record.

    Attributes:
        n, chain: after the last entry counted.
        money: season to player to minor units.
        earnings: season to how many earnings.
        prizes: player to minor units, over all seasons.
        awards: season to player to minor units, as the log has them.
        closed_ms: season to when it closed.
        chains: n to chain of each entry.
        faults: what is wrong with the log itself.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.n = 0
        self.chain = "0" * 40
        self.money: dict[int, dict[str, int]] = defaultdict(dict)
        self.earnings: dict[int, int] = defaultdict(int)
        self.prizes: dict[str, int] = {}
        self.awards: dict[int, dict[str, int]] = defaultdict(dict)
        self.closed_ms: dict[int, int] = {}
        self.chains: dict[int, str] = {}
        self.faults: list[str] = []
        self._lanes: dict[str, int] = {}
        self._season = 1
        self._time_ms = 0

    def add(self, entry: Entry) -> None:
        """Count one entry, and check that it continues the log."""
        header = f"{self.chain} {entry.version} {entry.n} {entry.count} {entry.season} "
        header += f"{entry.time_ms} "
        digest = hashlib.sha1(header.encode() + entry.body, usedforsecurity=False).hexdigest()
        if digest != entry.chain:
            self._fault(entry, "the chain is broken")
        if entry.n != self.n + entry.count:
            self._fault(entry, f"records are missing or double after {self.n}")
        if entry.season != self._season:
            self._fault(entry, f"is of season {entry.season} in season {self._season}")
        if entry.time_ms < self._time_ms:
            self._fault(entry, "time falls")
        records = 0
        for producer, first, last, events in msgspec.msgpack.decode(entry.body):
            if first != self._lanes.get(producer, 0) + 1 or last - first + 1 != len(events):
                self._fault(entry, f"lane of {producer} is not contiguous at seq {first}")
            self._lanes[producer] = last
            records += len(events)
            for event in events:
                self._event(entry, event)
        if records != entry.count:
            self._fault(entry, f"holds {records} records, not {entry.count}")
        self.n, self.chain, self._time_ms = entry.n, entry.chain, entry.time_ms
        self.chains[entry.n] = entry.chain

    def _event(self, entry: Entry, event: list[Any]) -> None:
        tag = event[0]
        if tag == EARNED:
            self._move(event[1], event[2])
            self.earnings[self._season] += 1
        elif tag == REVERSED:
            self._move(event[1], -event[2])
        elif tag == CLOSED:
            if event[1] != self._season:
                self._fault(entry, f"closes season {event[1]} in season {self._season}")
            self.closed_ms[self._season] = entry.time_ms
            self._season += 1
        elif tag == AWARDED:
            player, season, _, amount = event[1:5]
            if player in self.awards[season]:
                self._fault(entry, f"pays {player} twice for season {season}")
            self.awards[season][player] = self.awards[season].get(player, 0) + amount
            self.prizes[player] = self.prizes.get(player, 0) + amount
        elif tag not in {VOID, RESTORED}:
            self._fault(entry, f"unknown record {tag}")

    def _move(self, player: str, amount: int) -> None:
        board = self.money[self._season]
        board[player] = board.get(player, 0) + amount

    def _fault(self, entry: Entry, text: str) -> None:
        self.faults.append(f"partition {self.partition}: the entry at {entry.n}: {text}")


def shares() -> list[Fraction]:
    """Return what part of the pool each of the 100 places gets."""
    first = [Fraction(20, 100), Fraction(15, 100), Fraction(10, 100)]
    rest = [Fraction(55, 100) * Fraction(101 - place, 4753) for place in range(4, 101)]
    return first + rest


def place_payments(pool: int) -> list[int]:
    """Return what each place pays, by largest remainders."""
    exact = [pool * share for share in shares()]
    paid = [int(amount) for amount in exact]
    left = pool - sum(paid)
    by_rest = sorted(range(100), key=lambda at: (paid[at] - exact[at], at))
    for at in by_rest[:left]:
        paid[at] += 1
    return paid


def payments(pool: int, money: Mapping[str, int]) -> dict[str, int]:
    """Return what each player is paid; those who are paid nothing are left out."""
    by_place = place_payments(pool)
    found: dict[str, int] = {}
    for amount in sorted({amount for amount in money.values() if amount > 0}, reverse=True):
        place = 1 + sum(other > amount for other in money.values())
        tied = sorted(player for player, other in money.items() if other == amount)
        if place > len(by_place):
            break
        together = sum(by_place[place - 1 : place - 1 + len(tied)])
        for at, player in enumerate(tied):
            share = together // len(tied) + (1 if at < together % len(tied) else 0)
            if share:
                found[player] = share
    return found


def ranking(money: Mapping[str, int]) -> list[tuple[int, str, int]]:
    """Return (rank, player, money) by rank and player id; ties share a rank."""
    ordered = sorted(money.items(), key=lambda item: (-item[1], item[0]))
    found: list[tuple[int, str, int]] = []
    for place, (player, amount) in enumerate(ordered, 1):
        tied = bool(found) and found[-1][2] == amount
        found.append((found[-1][0] if tied else place, player, amount))
    return found
