"""The query service: the application on Granian, in one process on asyncio."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

from granian.constants import Interfaces
from granian.server.embed import Server

from query.api import Api
from query.app import create_app
from query.limits import THREADS
from runtime.calendar import Calendar
from runtime.clock import SystemClock
from runtime.logging import configure
from runtime.settings import Settings
from runtime.tokens import Verifier, verifier_of
from storage.archive import Archive, require_partitions
from storage.boards_redis import RedisBoards
from storage.connect import open_directory, open_documents
from storage.directory import Directory


def run_query(settings: Settings) -> None:
    """Serve the API and the page until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: a setting is wrong, or the store has another number of partitions.
        ArchiveUnavailableError: archive or directory do not answer at the start.
    """
    log = configure("query", settings.log_format)
    verifier = verifier_of(settings)
    calendar = Calendar(settings.season_calendar, settings.season_time_zone)
    archive = Archive(open_documents(settings.archive_url))
    directory = open_directory(settings.directory_url or settings.archive_url)
    log.info("starting", host=settings.http_host, port=settings.http_port)
    try:
        layout = archive.known_layout()
        if layout is not None:
            require_partitions(layout, settings.partitions)
        asyncio.run(_serve(settings, archive, directory, verifier, calendar))
    finally:
        archive.close()
        directory.close()
    log.info("stopped")


async def _serve(
    settings: Settings,
    archive: Archive,
    directory: Directory,
    verifier: Verifier,
    calendar: Calendar,
) -> None:
    boards = RedisBoards(settings.redis_url, settings.partitions)
    clock = SystemClock()
    api = Api(boards, archive, directory, verifier, calendar, clock, settings.partitions)
    server = Server(
        create_app(api),
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.ASGINL,
        log_enabled=False,
        websockets=False,
    )
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    serving = loop.create_task(server.serve())
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, server.stop)
    try:
        await serving
    finally:
        await boards.close()
