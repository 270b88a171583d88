"""The ``moneyboard`` command: arguments in, exit codes out.

Exit codes: 0 done; 1 something was found wrong or refused; 2 it cannot run as it was called or
configured. What a user can mend is one line on stderr, never a traceback.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from cli import commands
from producer.dial import only_error
from protocol.errors import ConfigurationError, MoneyboardError
from storage.documents import ArchiveUnavailableError
from storage.log import LogUnavailableError

SERVICES = ("broker", "projector", "scheduler", "query")

WENT_WRONG, CANNOT_RUN, INTERRUPTED = 1, 2, 130

EXPECTED = (
    ConfigurationError,
    MoneyboardError,
    LogUnavailableError,
    ArchiveUnavailableError,
    OSError,
)
"""What a user or an operator can mend; all else is a bug and shows its traceback."""

DATA_DEFAULT = "moneyboard-data"


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser; each command carries its function as ``command``."""
    root = argparse.ArgumentParser(
        prog="moneyboard", description="A self-hosted money leaderboard for games."
    )
    commands_of = root.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands_of.add_parser("run", help="all services on this machine, for a folder")
    _data(run)
    _services(run)
    run.set_defaults(command=commands.run)

    demo = commands_of.add_parser("demo", help="a synthetic crowd on a live board")
    demo.add_argument("--for", dest="seconds", type=_positive, help="stop after SECONDS")
    demo.add_argument("--players", type=int, default=5_000, help="how many (%(default)s)")
    demo.add_argument("--rate", type=_positive, default=1_000, help="earnings/s (%(default)s)")
    demo.add_argument("--mongo", action="store_true", help="use MongoDB as the archive")
    demo.add_argument("--data", type=Path, help="keep the data here (default: a temporary folder)")
    _ports(demo)
    demo.set_defaults(command=commands.demo)

    feed = commands_of.add_parser("feed", help="send CSV files of earnings to a running store")
    _data(feed)
    feed.add_argument("files", nargs="+", type=Path, metavar="FILE.csv")
    feed.add_argument("--season-per-file", action="store_true", help="close it after each file")
    feed.add_argument("--rate", type=_positive, help="earnings/s (default: as fast as it goes)")
    feed.set_defaults(command=commands.feed)

    token = commands_of.add_parser("token", help="sign a token with the development key")
    _data(token)
    token.add_argument("--subject", required=True, help="a player's id, or a game server's name")
    token.add_argument(
        "--scope", required=True, help='"earn", "earn:any", "players:write", or several, quoted'
    )
    token.add_argument("--lifetime", type=int, default=86_400, help="seconds (%(default)s)")
    token.set_defaults(command=commands.token)

    _season(commands_of.add_parser("season", help="list, preview or close seasons"))

    status = commands_of.add_parser("status", help="how far log, boards and archive are")
    _data(status)
    status.set_defaults(command=commands.status)

    verify = commands_of.add_parser("verify", help="recount everything from the log and compare")
    _data(verify)
    verify.set_defaults(command=commands.verify)

    for name in SERVICES:
        service = commands_of.add_parser(name, help=f"the {name} alone, set by MONEYBOARD_*")
        service.add_argument("--config", type=Path, help="a TOML file of settings")
        if name == "broker":
            service.add_argument("--workers", type=int, help="processes; 0: one a core (default 1)")
        service.set_defaults(command=commands.service, service=name)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    found = parser().parse_args(arguments)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        return int(found.command(found))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseExceptionGroup as group:
        error = only_error(group)
        if not isinstance(error, EXPECTED):
            raise
        return _fail(console, error)
    except EXPECTED as error:
        return _fail(console, error)


def _fail(console: Console, error: BaseException) -> int:
    """Say what happened in one line and return the exit code."""
    console.print(f"moneyboard: {error or type(error).__name__}", markup=False)
    return CANNOT_RUN if isinstance(error, ConfigurationError | OSError) else WENT_WRONG


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data", type=Path, default=Path(DATA_DEFAULT), help="the folder (%(default)s)"
    )


def _ports(command: argparse.ArgumentParser) -> None:
    command.add_argument("--ws-port", type=int, default=7400, help="for games (%(default)s)")
    command.add_argument("--http-port", type=int, default=7480, help="for people (%(default)s)")


def _services(command: argparse.ArgumentParser) -> None:
    _ports(command)
    command.add_argument("--host", default="127.0.0.1", help="to listen on (%(default)s)")
    command.add_argument("--archive", help="mongodb://HOST/DATABASE in place of SQLite")
    command.add_argument("--season", help='cron expression of season ends, or "never"')
    command.add_argument("--config", type=Path, help="a TOML file of settings")


def _season(command: argparse.ArgumentParser) -> None:
    of = command.add_subparsers(required=True, metavar="WHAT")
    close = of.add_parser("close", help="close the open season now")
    _data(close)
    close.add_argument("--season", type=int, help="which; closing it twice closes it once")
    close.add_argument("--wait", action="store_true", help="until it is settled and archived")
    close.set_defaults(command=commands.season_close)
    preview = of.add_parser("preview", help="what a close would pay now")
    _data(preview)
    preview.set_defaults(command=commands.season_preview)
    listing = of.add_parser("list", help="all seasons")
    _data(listing)
    listing.set_defaults(command=commands.season_list)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e9:  # noqa: PLR2004 - sane either way
        raise argparse.ArgumentTypeError("must be above zero")
    return value


if __name__ == "__main__":
    sys.exit(main())
