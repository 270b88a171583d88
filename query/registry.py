"""Registering and changing players: what is allowed, and doing it."""

import asyncio
import re
from collections.abc import Iterator

import msgspec

from protocol.identity import is_player_id
from query.limits import NAME_MAX, REGISTER_MAX, USERNAME_MAX
from query.names import Names
from query.problems import ProblemError
from query.views import NotRegistered, PlayerBody, PlayerLine, PlayerView, Registered
from runtime.tokens import Claims
from storage.directory import Directory, Player

SCOPE_WRITE = "players:write"

_USERNAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{USERNAME_MAX - 1}}}")
_COUNTRY = re.compile(r"[A-Z]{2}|")
_line_decoder = msgspec.json.Decoder(PlayerLine)


class Registry:
    """Writes the directory.

    Args:
        directory: called in worker threads.
        names: told what changed.
    """

    def __init__(self, directory: Directory, names: Names) -> None:
        self._directory = directory
        self._names = names

    async def put(self, player: str, body: PlayerBody, claims: Claims) -> PlayerView:
        """Register or change one player.

        Raises:
            ProblemError: 400, 403 or 409.
        """
        if SCOPE_WRITE not in claims.scopes and claims.subject != player:
            raise ProblemError(403, f"this needs the scope {SCOPE_WRITE} or the player's own token")
        wanted = Player(player, body.username, body.name, body.country, body.team)
        reason = wrong_player(wanted)
        if reason is not None:
            raise ProblemError(400, reason)
        if await asyncio.to_thread(self._directory.put, [wanted]):
            raise ProblemError(409, f"the username {body.username} is taken")
        self._names.forget([player])
        return view(wanted)

    async def put_many(self, body: bytes, claims: Claims) -> Registered:
        """Register or change many players, a JSON object a line; refused lines are told.

        Raises:
            ProblemError: 403 or 413.
        """
        if SCOPE_WRITE not in claims.scopes:
            raise ProblemError(403, f"this needs the scope {SCOPE_WRITE}")
        lines = [item for item in enumerate(body.split(b"\n"), 1) if item[1].strip()]
        if len(lines) > REGISTER_MAX:
            raise ProblemError(413, f"at most {REGISTER_MAX} players at once")
        refused: list[NotRegistered] = []
        wanted: list[Player] = []
        numbers: dict[str, int] = {}
        for number, player in _read(lines, refused):
            if player.id in numbers:
                reason = f"the player is in line {numbers[player.id]} already"
                refused.append(NotRegistered(number, player.id, reason))
                continue
            numbers[player.id] = number
            wanted.append(player)
        taken = await asyncio.to_thread(self._directory.put, wanted)
        refused += [NotRegistered(numbers[id_], id_, "the username is taken") for id_ in taken]
        self._names.forget(numbers)
        refused.sort(key=lambda item: item.line)
        return Registered(len(wanted) - len(taken), refused)


def view(player: Player) -> PlayerView:
    """Return a player as the API shows it."""
    return PlayerView(player.id, player.username, player.name, player.country, player.team)


def wrong_player(player: Player) -> str | None:
    """Return what is wrong with a player's details, None when nothing is."""
    rules = (
        (is_player_id(player.id), "id: 1 to 64 of A-Z a-z 0-9 . _ : -"),
        (
            _USERNAME.fullmatch(player.username),
            f"username: 1 to {USERNAME_MAX} of A-Z a-z 0-9 _ . -",
        ),
        (_is_name(player.name), f"name: at most {NAME_MAX} printable characters"),
        (_COUNTRY.fullmatch(player.country), "country: two capital letters (ISO 3166-1) or empty"),
        (_is_name(player.team), f"team: at most {NAME_MAX} printable characters"),
    )
    return next((text for holds, text in rules if not holds), None)


def _is_name(text: str) -> bool:
    return len(text) <= NAME_MAX and text.isprintable()


def _read(
    lines: list[tuple[int, bytes]], refused: list[NotRegistered]
) -> Iterator[tuple[int, Player]]:
    """Yield the players that may be registered, by line; note the others."""
    for number, line in lines:
        try:
            found = _line_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            refused.append(NotRegistered(number, "", str(error)))
            continue
        player = Player(found.id, found.username, found.name, found.country, found.team)
        reason = wrong_player(player)
        if reason is None:
            yield number, player
        else:
            refused.append(NotRegistered(number, found.id, reason))
