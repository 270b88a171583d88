"""What the API answers: plain structs. Money in minor units, times in Unix milliseconds (_ms)."""

from typing import Literal

from msgspec import Struct

SeasonState = Literal["open", "closing", "closed"]


class BoardEntry(Struct, frozen=True):
    """A player on a board; ``change`` is places won (positive) since the mark, null when new."""

    rank: int
    player: str
    username: str
    name: str
    country: str
    team: str
    money: int
    change: int | None


class Leaderboard(Struct, frozen=True):
    """A page of the open season's board; ``position`` is the last record in it, by partition."""

    season: int
    position: list[int]
    players: int
    entries: list[BoardEntry]
    cursor: str | None


class RankWindow(Struct, frozen=True):
    """A player's place with its neighbours, in order."""

    season: int
    rank: int
    player: str
    money: int
    entries: list[BoardEntry]


class Profile(Struct, frozen=True):
    """A player: this season's money and rank (null when not on the board), career and prizes."""

    player: str
    username: str
    name: str
    country: str
    team: str
    season: int
    money: int
    rank: int | None
    change: int | None
    career: int
    prizes: int
    best_rank: int | None
    seasons: int


class SeasonResult(Struct, frozen=True):
    """A player's result in a closed season."""

    season: int
    rank: int
    money: int
    prize: int


class PlayerSeasons(Struct, frozen=True):
    """A player's closed seasons, newest first."""

    player: str
    seasons: list[SeasonResult]


class PlaceNow(Struct, frozen=True):
    """What a place would pay if the season ended now."""

    place: int
    amount: int


class PrizePool(Struct, frozen=True):
    """The open season's pool; ``carry_over`` is null until the season before is settled."""

    season: int
    earned: int
    pool: int
    carry_over: int | None
    ends_at_ms: int | None
    time_ms: int
    places: list[PlaceNow]


class Season(Struct, frozen=True):
    """A season; figures of payment are null until it is settled."""

    season: int
    state: SeasonState
    opened_at_ms: int | None
    closed_at_ms: int | None
    ends_at_ms: int | None
    players: int
    earned: int
    pool: int
    carried_in: int | None
    paid: int | None
    carried_over: int | None


class StandingEntry(Struct, frozen=True):
    """A final place in a closed season."""

    rank: int
    player: str
    username: str
    name: str
    country: str
    team: str
    money: int
    prize: int


class Seasons(Struct, frozen=True):
    """All seasons, newest first."""

    seasons: list[Season]


class Standings(Struct, frozen=True):
    """A page of a closed season's final standings."""

    season: int
    players: int
    entries: list[StandingEntry]
    cursor: str | None


class PrizeEntry(Struct, frozen=True):
    """A prize that was paid."""

    place: int
    player: str
    username: str
    name: str
    country: str
    team: str
    amount: int


class Prizes(Struct, frozen=True):
    """A closed season's prizes, by place and player id."""

    season: int
    paid: int
    entries: list[PrizeEntry]


class PlayerView(Struct, frozen=True):
    """A player of the directory."""

    player: str
    username: str
    name: str
    country: str
    team: str


class PlayersFound(Struct, frozen=True):
    """Players found by username."""

    players: list[PlayerView]


class PlayerBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What registering or changing a player takes."""

    username: str
    name: str = ""
    country: str = ""
    team: str = ""


class PlayerLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of ``POST /v1/players``."""

    id: str
    username: str
    name: str = ""
    country: str = ""
    team: str = ""


class NotRegistered(Struct, frozen=True):
    """A player that was not registered: the line's number, from 1, and why."""

    line: int
    player: str
    reason: str


class Registered(Struct, frozen=True):
    """What became of registering many."""

    registered: int
    refused: list[NotRegistered]
