"""``moneyboard verify``: recounts everything from the whole log, and compares.

Compared are: every chain and lane, the stream with the archive, every board and total with the log
up to its own checkpoint, all prizes, every closed season's standings, settlement and payments.
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from rich.console import Console
from rich.table import Table

from cli import valkey
from cli.datadir import DataDir, RunFile
from cli.recount import Recount, payments, ranking
from protocol.errors import ArchiveError, ConfigurationError
from protocol.log import GENESIS, Entry, Position
from storage import keys
from storage.archive import Archive
from storage.connect import open_documents
from storage.log_redis import RedisLog

READ_ENTRIES = 64
START_TRIES = 600
SHOWN_MAX = 50
"""Differences printed; their number is printed whole."""


class Report:
    """What was compared, and what differs."""

    def __init__(self) -> None:
        self.compared: dict[str, int] = {}
        self.differences: list[str] = []

    def same(self, what: str, where: str, found: object, counted: object) -> None:
        """Compare one thing that is stored with what was counted."""
        self.compared[what] = self.compared.get(what, 0) + 1
        if found != counted:
            self.differences.append(f"{where}: stored {found}, counted {counted}")

    def same_all(
        self, what: str, where: str, found: dict[str, int], counted: dict[str, int]
    ) -> None:
        """Compare figures by player."""
        for player in sorted(found.keys() | counted.keys()):
            self.same(what, f"{where}, {player}", found.get(player), counted.get(player))


class ReadModelsSeen:
    """One partition's read models, read at one moment."""

    def __init__(self, client: "redis.Redis", partition: int) -> None:
        stem = keys.board(partition, 0).removesuffix("0")
        seasons = sorted(
            int(name.decode().removeprefix(stem)) for name in client.scan_iter(match=f"{stem}*")
        )
        with client.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.checkpoint(partition), ["n", "season"])
            pipe.hgetall(keys.prizes(partition))
            for season in seasons:
                pipe.zrange(keys.board(partition, season), 0, -1, withscores=True)
                pipe.hmget(keys.totals(partition, season), ["earned", "earnings"])
            (n, season_now), prizes, *boards = pipe.execute()
        self.n, self.season = int(n or 0), int(season_now or 1)
        self.prizes = {name.decode(): int(amount) for name, amount in prizes.items()}
        self.boards: dict[int, dict[str, int]] = {}
        self.totals: dict[int, tuple[int, int]] = {}
        for at, season in enumerate(seasons):
            self.boards[season] = {name.decode(): -int(score) for name, score in boards[2 * at]}
            earned, earnings = boards[2 * at + 1]
            self.totals[season] = (int(earned or 0), int(earnings or 0))


def verify(data: DataDir, console: Console) -> int:
    """Verify a data folder, running or not; return 0 when nothing differs, else 1.

    Raises:
        ConfigurationError: there is nothing in the folder.
    """
    with _store(data) as run:
        archive = Archive(open_documents(run.settings.archive_url))
        try:
            report = _compare(run, archive)
        finally:
            archive.close()
    table = Table("compared", "how many", title="moneyboard verify")
    table.columns[1].justify = "right"
    for what, many in report.compared.items():
        table.add_row(what, f"{many:,}")
    console.print(table)
    for line in report.differences[:SHOWN_MAX]:
        console.print(f"DIFFERS  {line}", markup=False, soft_wrap=True)
    console.print(f"{len(report.differences):,} differences")
    return 1 if report.differences else 0


@contextmanager
def _store(data: DataDir) -> Iterator[RunFile]:
    """Give the folder's stores; starts its Valkey for the time when no run is up."""
    run = data.read_run()
    if run is None:
        raise ConfigurationError(f"--data {data.path}: there is no store in this folder")
    if data.is_running():
        yield run
        return
    with data.locked():
        url = valkey.url(run.valkey_port, run.valkey_password)
        valkey.stop_left_over(url)
        command = valkey.command(data.valkey, run.valkey_port, run.valkey_password)
        with (data.logs / "valkey.log").open("ab") as output:
            server = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 - ours
        try:
            valkey.wait_until_up(url, START_TRIES)
            yield run
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def _compare(run: RunFile, archive: Archive) -> Report:
    report = Report()
    log = RedisLog(run.settings.redis_url)
    client: redis.Redis = redis.Redis.from_url(run.settings.redis_url)
    closed = archive.closed_seasons()  # before the log is read, so that the log has all of them
    recounts = []
    try:
        for partition in range(run.settings.partitions):
            seen = ReadModelsSeen(client, partition)
            recounts.append(_partition(report, log, archive, partition, seen))
    finally:
        client.close()
        log.close()
    carried = 0
    for season in range(1, closed + 1):
        carried = _season(report, archive, season, recounts, carried)
    return report


def _partition(
    report: Report, log: RedisLog, archive: Archive, partition: int, seen: ReadModelsSeen
) -> Recount:
    """Recount a partition; compare its read models where their checkpoint is."""
    count = Recount(partition)
    reached = seen.n == 0
    try:
        for entry in _whole_log(report, log, archive, count):
            count.add(entry)
            if entry.n == seen.n:
                reached = True
                _read_models(report, partition, seen, count)
    except ArchiveError as error:
        report.differences.append(str(error))
    report.same("checkpoints found in the log", f"partition {partition}", reached, True)
    report.compared["entries, chained and numbered"] = report.compared.get(
        "entries, chained and numbered", 0
    ) + len(count.chains)
    report.compared["records"] = report.compared.get("records", 0) + count.n
    report.differences += count.faults
    return count


def _whole_log(report: Report, log: RedisLog, archive: Archive, count: Recount) -> Iterator[Entry]:
    """Yield the archive's entries, then the stream's; what both hold must be the same."""
    yield from archive.entries(count.partition, GENESIS)
    at = 0
    while entries := log.read(count.partition, at, count=READ_ENTRIES):
        for entry in entries:
            at = entry.n
            if entry.n <= count.n:
                where = f"partition {count.partition}, the entry at {entry.n}"
                report.same(
                    "entries in stream and archive", where, entry.chain, count.chains.get(entry.n)
                )
            elif entry.n - entry.count > count.n:  # archived and trimmed since
                yield from archive.entries(count.partition, Position(count.n, count.chain))
                at = count.n
                break
            else:
                yield entry


def _read_models(report: Report, partition: int, seen: ReadModelsSeen, count: Recount) -> None:
    where = f"partition {partition}"
    for season in sorted({*seen.boards, seen.season}):
        board, counted = seen.boards.get(season, {}), count.money.get(season, {})
        report.same_all("money on boards", f"{where}, season {season}", board, counted)
        totals = (sum(counted.values()), count.earnings.get(season, 0))
        report.same(
            "season totals",
            f"{where}, season {season}",
            seen.totals.get(season, (0, 0)),
            totals,
        )
    report.same_all("prizes in profiles", where, seen.prizes, count.prizes)


def _season(
    report: Report, archive: Archive, season: int, recounts: list[Recount], carried_in: int
) -> int:
    """Compare a closed season; return what it carries over, as counted."""
    where = f"season {season}"
    money = {
        player: amount
        for count in recounts
        for player, amount in count.money.get(season, {}).items()
    }
    earned = sum(money.values())
    pool = max(earned, 0) * 2 // 100 + carried_in
    paid = payments(pool, money)
    found = archive.settlement(season)
    counted: dict[str, Any] = {
        "players": len(money),
        "earned": earned,
        "carried_in": carried_in,
        "pool": pool,
        "paid": sum(paid.values()),
        "carried_over": pool - sum(paid.values()),
        "closed_at_ms": max(count.closed_ms.get(season, 0) for count in recounts),
    }
    for name, value in counted.items():
        report.same("settlement figures", f"{where}, {name}", getattr(found, name, None), value)
    awards = {} if found is None else {award.player: award.amount for award in found.awards}
    report.same_all("awards settled", f"{where}, award", awards, paid)
    in_log = {
        player: amount for count in recounts for player, amount in count.awards[season].items()
    }
    report.same_all("awards in the log", f"{where}, PrizeAwarded", in_log, paid)
    standings = archive.standings_page(season, 0, len(money) + 1)
    rows = [(row.rank, row.player, row.money, row.prize) for row in standings]
    wanted = [
        (rank, player, amount, paid.get(player, 0)) for rank, player, amount in ranking(money)
    ]
    report.same("standings' lengths", where, len(rows), len(wanted))
    for row, right in zip(rows, wanted, strict=False):
        report.same("standings by rank", f"{where}, rank {right[0]}", row, right)
        alone = archive.standing_of(season, right[1])
        single = alone and (alone.rank, alone.player, alone.money, alone.prize)
        report.same("standings by player", f"{where}, {right[1]}", single, right)
    return pool - sum(paid.values())
