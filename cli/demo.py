"""``moneyboard demo``: everything on this machine, and a synthetic crowd that plays.

Several game servers and some single players each hold their own WebSocket, as real ones would.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import trio
from rich.console import Console
from rich.live import Live
from rich.text import Text

from cli.crowd import Crowd, CrowdPlayer
from cli.datadir import DataDir, RunFile
from cli.local import Local, opened
from cli.mongo import demo_mongo
from cli.run import run_all
from cli.supervisor import Child
from cli.valkey import usable_port
from producer.client import MoneyClient, connect
from runtime import settings as settings_
from runtime.clock import SystemClock

SEED = 7
GAME_SERVERS = 6
SINGLE_PLAYERS = 10
TICK_S = 0.05
"""How often a game server sends what its players earned since."""

SINGLE_S = 4.0
STATUS_S = 1.0
SEASONS = "* * * * *"
MARK_SECONDS = 15
REGISTER_ROWS = 5_000


class Figures(msgspec.Struct):
    """What the status line tells."""

    lag: int
    top: list[str]
    pool: int
    season: int
    ends_in_s: int | None


def demo(arguments: argparse.Namespace) -> int:
    """Run the demo; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="moneyboard-demo-") as temporary:
        data = DataDir(arguments.data or Path(temporary))
        data.create()
        archive_url, first = "", list[Child]()
        if arguments.mongo:
            archive_url, first = demo_mongo(data.path, usable_port(None))
        settings = settings_.load(
            overrides={
                "ws_port": arguments.ws_port,
                "http_port": arguments.http_port,
                "archive_url": archive_url,
                "directory_url": archive_url,
                "season_calendar": SEASONS,
                "mark_seconds": MARK_SECONDS,
            }
        )
        show = partial(
            _show, data, Crowd(arguments.players, SEED), arguments.rate, arguments.seconds
        )
        trio.run(run_all, data, settings, show, first)
    return 0


async def _show(
    data: DataDir, crowd: Crowd, rate: float, seconds: float | None, run: RunFile
) -> None:
    """Let the crowd play and tell how it goes, until the time is over."""
    console = Console()
    console.print(f"page      http://{run.settings.http_host}:{run.settings.http_port}/")
    console.print(f"API docs  http://{run.settings.http_host}:{run.settings.http_port}/docs")
    console.print("stop with Ctrl-C")
    with opened(data) as local:
        await _register(local, crowd)
        clients: list[MoneyClient] = []
        with trio.move_on_after(seconds or float("inf")):
            async with trio.open_nursery() as nursery:
                for _ in range(GAME_SERVERS):
                    nursery.start_soon(_game_server, local, crowd, clients, rate / GAME_SERVERS)
                for player in crowd.players[:SINGLE_PLAYERS]:
                    nursery.start_soon(_single_player, local, crowd, clients, player)
                await _tell(local, clients, console)
        acked = sum(client.taken - client.unacked for client in clients)
        console.print(f"{acked:,} earnings were acked; stopping")


async def _register(local: Local, crowd: Crowd) -> None:
    players = [
        {"id": item.id, "username": item.username, "name": item.name, "country": item.country}
        for item in crowd.players
    ]
    for at in range(0, len(players), REGISTER_ROWS):
        await local.trying(partial(local.register, players[at : at + REGISTER_ROWS]))


async def _game_server(local: Local, crowd: Crowd, clients: list[MoneyClient], rate: float) -> None:
    """Send what many players earn, ``rate`` earnings a second."""
    async with connect(local.ws_url, partial(local.token, "demo-game", "earn:any")) as money:
        clients.append(money)
        began, sent = trio.current_time(), 0
        while True:
            due = int((trio.current_time() - began) * rate) - sent
            sent += due
            await money.publish_many(crowd.earnings(due, SystemClock().now_ms(), crowd.players))
            await trio.sleep(TICK_S)


async def _single_player(
    local: Local, crowd: Crowd, clients: list[MoneyClient], player: CrowdPlayer
) -> None:
    """Send what one player earns, with the player's own token."""
    async with connect(local.ws_url, partial(local.token, player.id, "earn")) as money:
        clients.append(money)
        while True:
            await money.publish_many(crowd.earnings(1, SystemClock().now_ms(), [player]))
            await trio.sleep(SINGLE_S)


async def _tell(local: Local, clients: Sequence[MoneyClient], console: Console) -> None:
    """Keep a status line: in place on a terminal, else a line a second."""
    before, before_at = 0, time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            await trio.sleep(STATUS_S)
            acked = sum(client.taken - client.unacked for client in clients)
            figures = await local.trying(partial(_figures, local))
            now = time.monotonic()
            line = status_line(figures, (acked - before) / (now - before_at))
            before, before_at = acked, now
            if console.is_terminal:
                live.update(Text(line), refresh=True)
            else:
                console.print(line, markup=False, soft_wrap=True)


def status_line(figures: Figures, rate: float) -> str:
    """Return the status line."""
    ends = "" if figures.ends_in_s is None else f" · season {figures.season} ends in "
    ends += "" if figures.ends_in_s is None else f"{figures.ends_in_s} s"
    top = ", ".join(figures.top) or "nobody yet"
    return f"{rate:,.0f} events/s · lag {figures.lag} · pool {figures.pool:,}{ends} · top: {top}"


def _figures(local: Local) -> Figures:
    board = local.read("/v1/leaderboard?limit=3")
    pool = local.read("/v1/prizepool")
    ends_at_ms, now_ms = pool["ends_at_ms"], pool["time_ms"]
    return Figures(
        lag=local.lag(),
        top=[f"{entry['name']} {entry['money']:,}" for entry in board["entries"]],
        pool=pool["pool"],
        season=pool["season"],
        ends_in_s=None if ends_at_ms is None else max(0, (ends_at_ms - now_ms) // 1000),
    )
