"""The settings of all services, from a TOML file and ``MONEYBOARD_*`` variables.

Precedence: the command line, then the environment, then the file, then the defaults here. A key
that does not exist or a value of the wrong type is an error that names the key.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from protocol.errors import ConfigurationError
from protocol.messages import Durability
from protocol.partition import PARTITIONS_DEFAULT, PARTITIONS_MAX

PREFIX = "MONEYBOARD_"

WORKERS_MAX = 64
"""More brokers than that want more machines."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that an operator may set. Key ``x`` is ``MONEYBOARD_X`` in the environment."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    """The log and read models: Valkey or Redis."""
    archive_url: str = ""
    """``mongodb://…/database`` or ``sqlite:PATH``: segments, snapshots, settlements."""
    directory_url: str = ""
    """The player directory, same forms. Empty: beside the archive."""
    partitions: int = PARTITIONS_DEFAULT
    """P; fixed when the store is created."""
    ws_host: str = "127.0.0.1"
    ws_port: int = 7400
    shared_port: bool = False
    """Let several brokers of this machine listen on ``ws_port`` (SO_REUSEPORT)."""
    workers: int = 1
    """Broker processes on ``ws_port``; 0: one for each core. Limits count in each by itself."""
    http_host: str = "127.0.0.1"
    http_port: int = 7480
    season_calendar: str = "0 0 * * 1"
    """When seasons end: a cron expression (5 fields, or 6 with seconds last), or ``never``."""
    season_time_zone: str = "UTC"
    mark_seconds: int = 86_400
    """How old the snapshot gets that rank changes are measured against."""
    durability: Durability = Durability.FSYNCED
    """What an Ack promises."""
    replicas: int = 1
    """How many replicas must confirm where durability is ``replicated``."""
    keys_file: str = ""
    """JWKS file with the public keys that tokens are checked with."""
    revocations_file: str = ""
    """JSON file of tokens taken back, see ``runtime.revocations``. Empty: none are."""
    token_issuer: str = "moneyboard"
    token_audience: str = "moneyboard"
    retain_records: int = 100_000
    """Archived records that stay in each partition's stream all the same."""
    log_format: str = "auto"
    """``auto``: key=value on a terminal, JSON otherwise; or ``console``, ``json``."""


def load(
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings.

    Args:
        file: a TOML file, or None.
        environ: defaults to the process's environment.
        overrides: what the command line says; None values are left out.

    Raises:
        ConfigurationError: the text names the key.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values.update(tomllib.loads(file.read_text()))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: {error}") from error
    values.update(
        {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_")
        }
    )
    values.update({key: value for key, value in (overrides or {}).items() if value is not None})
    unknown = sorted(set(values) - set(Settings.__struct_fields__))
    if unknown:
        raise ConfigurationError(f"{unknown[0]}: there is no such setting")
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(str(error)) from error
    if not 1 <= settings.partitions <= PARTITIONS_MAX:
        raise ConfigurationError(f"partitions: must be 1 to {PARTITIONS_MAX}")
    if not 0 <= settings.workers <= WORKERS_MAX:
        raise ConfigurationError(f"workers: must be 0 to {WORKERS_MAX}")
    return settings


def to_environ(settings: Settings) -> dict[str, str]:
    """Return the settings as environment variables, for processes started with them."""
    return {
        PREFIX + key.upper(): str(value) for key, value in msgspec.to_builtins(settings).items()
    }
