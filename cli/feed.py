"""``moneyboard feed``: sends files of earnings as a game server does.

Laws:

- A file is one producer, derived from its bytes: sent again, it adds nothing.
- A file is checked whole before anything of it is sent.
- With a season a file, the season that is closed is the one that the log says the file's last
  records are in; so a feed that was killed anywhere and run again closes each season once.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from cli.local import Local
from cli.rows import Feed, read_feed
from producer.client import MoneyClient, connect
from protocol.errors import MoneyboardError
from protocol.events import decode_body
from protocol.log import GENESIS, Entry, Position
from protocol.messages import Refused
from scheduler.closing import Closed, close_season

CHUNK_ROWS = 200
"""Rows handed to the client at once; the progress bar moves so often."""

REGISTER_ROWS = 5_000
SETTLED_PAUSE_S = 0.1
REFRESH_S = 0.1


async def feed_files(
    local: Local, files: list[Path], console: Console, *, season_per_file: bool, rate: float | None
) -> None:
    """Send files one after the other.

    Args:
        local: the running store.
        files: CSV files.
        console: for the progress.
        season_per_file: close the season after each file, and wait until it is archived.
        rate: earnings a second, None as fast as they are taken.

    Raises:
        MalformedRowError: a file is wrong; those before it are sent, nothing of it is.
        MoneyboardError: an earning or a player was refused.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=console) as progress:
        for file in files:
            feed = read_feed(file)
            task = progress.add_task(file.name, total=len(feed.rows), state="registering")
            await _register(local, feed)
            before = await _archived_positions(local, feed)
            await _send(local, feed, progress, task, rate)
            if season_per_file and feed.rows:
                season = await local.trying(partial(_season_of, local, feed.producer, before))
                progress.update(task, state=f"closing season {season}")
                await close_and_wait(local, season)
                progress.update(task, state=f"season {season} closed")
            else:
                progress.update(task, state="archived")


async def close_and_wait(local: Local, season: int) -> Closed:
    """Close a season, if it is open, and wait until its standings are archived."""
    closed = await local.trying(lambda: close_season(local.log, local.settings.partitions, season))
    if closed is Closed.NOT_YET:
        raise MoneyboardError(f"season {season} is not open yet")
    while await local.trying(local.archive.closed_seasons) < season:
        await trio.sleep(SETTLED_PAUSE_S)
    return closed


async def _register(local: Local, feed: Feed) -> None:
    """Register the file's players; a player's last row says its team."""
    players = {
        row.player: {"id": row.player, "username": row.player, "name": row.name, "team": row.team}
        for row in feed.rows
    }
    everyone = list(players.values())
    for at in range(0, len(everyone), REGISTER_ROWS):
        part = everyone[at : at + REGISTER_ROWS]
        await local.trying(partial(local.register, part))


async def _send(
    local: Local, feed: Feed, progress: Progress, task: TaskID, rate: float | None
) -> None:
    """Send a file's earnings and wait until the archive has them all."""
    refused: list[Refused] = []
    async with (
        connect(
            local.ws_url,
            lambda: local.token("feed", "earn:any"),
            producer=feed.producer,
            on_refused=refused.append,
        ) as money,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_show, money, progress, task, len(feed.rows))
        began = trio.current_time()
        for at in range(0, len(feed.rows), CHUNK_ROWS):
            rows = feed.rows[at : at + CHUNK_ROWS]
            if rate is not None:
                await trio.sleep_until(began + at / rate)
            await money.publish_many([row.event for row in rows])
            progress.update(task, state="sending")
        await money.flush()
        progress.update(task, completed=len(feed.rows), state="archiving")
        await money.archived()
        nursery.cancel_scope.cancel()
    if refused:
        first = refused[0]
        raise MoneyboardError(
            f"{feed.file}: {len(refused)} earnings were refused, the first with {first.code.value}"
        )


async def _show(money: MoneyClient, progress: Progress, task: TaskID, total: int) -> None:
    """Move the bar with the acks."""
    while True:
        progress.update(task, completed=min(total, money.taken - money.unacked))
        await trio.sleep(REFRESH_S)


async def _archived_positions(local: Local, feed: Feed) -> list[Position]:
    """Return, by partition, a position that is before all of the file's last records.

    That is the archive's end when nothing of the file is there yet; the log's beginning otherwise.
    """

    def look() -> list[Position]:
        partitions = range(local.settings.partitions)
        if any(local.log.lanes(k, [feed.producer])[0][0] for k in partitions):
            return [GENESIS for _ in partitions]
        return [local.archive.tip(k).position for k in partitions]

    return await local.trying(look)


def _season_of(local: Local, producer: str, after: list[Position]) -> int:
    """Return the last season that has records of a producer; all of them are archived. Blocks."""
    seasons = [
        entry.season
        for partition, position in enumerate(after)
        for entry in _entries_of(local, partition, position, producer)
    ]
    if not seasons:
        raise MoneyboardError("the file's records are not in the archive")
    return max(seasons)


def _entries_of(local: Local, partition: int, after: Position, producer: str) -> Iterator[Entry]:
    for entry in local.archive.entries(partition, after):
        if any(piece.producer == producer for piece in decode_body(entry.body)):
            yield entry
