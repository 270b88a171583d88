"""What each command does, given its parsed arguments; returns the exit code."""

import argparse
import sys
from functools import partial

import trio
from rich.console import Console
from rich.table import Table

from cli import demo as demo_
from cli import verify as verify_
from cli.datadir import DataDir
from cli.feed import close_and_wait, feed_files
from cli.local import Local, opened
from cli.run import run_all, say_ready
from cli.services import run_service
from protocol.errors import MoneyboardError
from runtime import settings as settings_
from runtime.clock import SystemClock
from runtime.logging import configure
from scheduler.closing import close_season
from scheduler.preview import preview
from storage.readmodels_redis import RedisReadModels


def run(arguments: argparse.Namespace) -> int:
    """Run all services until a signal."""
    data = DataDir(arguments.data)
    overrides = {
        "ws_port": arguments.ws_port,
        "http_port": arguments.http_port,
        "ws_host": arguments.host,
        "http_host": arguments.host,
        "archive_url": arguments.archive,
        "directory_url": arguments.archive,
        "season_calendar": arguments.season,
    }
    settings = settings_.load(arguments.config, overrides=overrides)
    data.create()
    trio.run(run_all, data, settings, say_ready)
    return 0


def service(arguments: argparse.Namespace) -> int:
    """Run one service until a signal."""
    overrides = {"workers": getattr(arguments, "workers", None)}
    run_service(arguments.service, settings_.load(arguments.config, overrides=overrides))
    return 0


def demo(arguments: argparse.Namespace) -> int:
    """Run everything with a synthetic crowd."""
    return demo_.demo(arguments)


def feed(arguments: argparse.Namespace) -> int:
    """Send files."""
    configure("feed", level="warning")
    with opened(DataDir(arguments.data)) as local:
        trio.run(
            partial(
                feed_files,
                local,
                arguments.files,
                Console(),
                season_per_file=arguments.season_per_file,
                rate=arguments.rate,
            )
        )
    return 0


def token(arguments: argparse.Namespace) -> int:
    """Print a token."""
    with opened(DataDir(arguments.data)) as local:
        print(local.token(arguments.subject, arguments.scope, arguments.lifetime))  # noqa: T201 - the CLI's output
    return 0


def season_close(arguments: argparse.Namespace) -> int:
    """Close the open season, or the one that is named."""
    with opened(DataDir(arguments.data)) as local:
        season = arguments.season or _open_season(local)
        if arguments.wait:
            closed = trio.run(close_and_wait, local, season)
        else:
            closed = close_season(local.log, local.settings.partitions, season)
        Console().print(f"season {season}: {closed.value}")
    return 0


def season_preview(arguments: argparse.Namespace) -> int:
    """Print what closing the open season now would pay; nothing is written."""
    with opened(DataDir(arguments.data)) as local:
        layout = local.archive.known_layout()
        if layout is None:
            raise MoneyboardError("the store is not created yet")
        found = preview(local.log, local.archive, layout, SystemClock().now_ms())
    table = Table("place", "player", "prize", title=f"Season {found.season}, if it closed now")
    for award in found.awards:
        table.add_row(str(award.place), award.player, f"{award.amount:,}")
    console = Console()
    console.print(table)
    console.print(
        f"{found.players:,} players earned {found.earned:,}; pool {found.pool:,}, "
        f"paid {found.paid:,}, carried over {found.carried_over:,}"
    )
    return 0


def season_list(arguments: argparse.Namespace) -> int:
    """Print a table of the closed seasons."""
    table = Table("season", "players", "earned", "pool", "paid", "carried over", title="Seasons")
    for column in table.columns:
        column.justify = "right"
    with opened(DataDir(arguments.data)) as local:
        for season in range(1, local.archive.closed_seasons() + 1):
            found = local.archive.settlement(season)
            if found is not None:
                figures = (
                    found.players,
                    found.earned,
                    found.pool,
                    found.paid,
                    found.carried_over,
                )
                table.add_row(str(season), *(f"{figure:,}" for figure in figures))
        Console().print(table)
        Console().print(f"open: season {_open_season(local)}")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print a table of the partitions."""
    table = Table("partition", "season", "log", "projected", "archived", title="Partitions")
    for column in table.columns:
        column.justify = "right"
    with opened(DataDir(arguments.data)) as local:
        models = RedisReadModels(local.settings.redis_url)
        for partition in range(local.settings.partitions):
            head = local.log.head(partition)
            checkpoint = models.checkpoint(partition)
            n = 0 if head is None else head.position.n
            table.add_row(
                str(partition),
                "-" if head is None else str(head.season),
                f"{n:,}",
                "-" if checkpoint is None else f"{checkpoint.position.n:,}",
                f"{local.archive.tip(partition).position.n:,}",
            )
        models.close()
    Console().print(table)
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Recount everything; 1 at any difference."""
    return verify_.verify(DataDir(arguments.data), Console(file=sys.stdout))


def _open_season(local: Local) -> int:
    """Return the lowest season that any partition is in."""
    heads = [local.log.head(partition) for partition in range(local.settings.partitions)]
    return min(head.season for head in heads if head is not None)
