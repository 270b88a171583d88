"""The routes of the API: parameters in, answers out."""

import re
from typing import Annotated, Any

from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from protocol.identity import is_player_id
from query.api import AnyRequest, Api
from query.cursor import BoardCursor, CursorError, StandingsCursor, decode
from query.limits import (
    BODY_BYTES_MAX,
    NEIGHBOURS_MAX,
    PAGE_DEFAULT,
    PAGE_MAX,
    SEARCH_MAX,
)
from query.problems import UNREADABLE_HANDLERS, ProblemError
from query.registry import view
from query.views import (
    Leaderboard,
    PlayerBody,
    PlayerSeasons,
    PlayersFound,
    PlayerView,
    PrizePool,
    Prizes,
    Profile,
    RankWindow,
    Registered,
    Season,
    Seasons,
    Standings,
)

CURRENT = "current"

_SEASON = re.compile(r"[1-9][0-9]{0,8}")

Parts = NamedDependency[Api]

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="entries a page")]
Neighbours = Annotated[int, QueryParameter(ge=0, le=NEIGHBOURS_MAX, description="entries")]
Cursor = Annotated[str | None, QueryParameter(description="from the page before")]


@get("/v1/leaderboard", summary="The open season's board")
async def leaderboard(
    request: AnyRequest, api: Parts, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
) -> Response[Leaderboard]:
    """Return players by money, from the top or from behind a cursor."""
    found = None if cursor is None else _cursor(cursor)
    if found is not None and not isinstance(found, BoardCursor):
        raise ProblemError(400, "cursor: of another kind of page")
    return await api.fresh(
        request, f"board {limit} {cursor}", lambda: api.rankings.leaderboard(limit, found)
    )


@get("/v1/players", summary="Find players by username")
async def players(
    api: Parts, username: FromQuery[str | None] = None, prefix: FromQuery[str | None] = None
) -> PlayersFound:
    """Return the player with a username, or those whose usernames start with a prefix."""
    if (username is None) == (prefix is None):
        raise ProblemError(400, "give username or prefix")
    if username is not None:
        found = await api.names.by_username(username)
        return PlayersFound([] if found is None else [view(found)])
    return PlayersFound([view(item) for item in await api.names.search(prefix or "", SEARCH_MAX)])


@get("/v1/players/{player:str}", summary="A player's profile")
async def profile(api: Parts, player: FromPath[str]) -> Profile:
    """Return a player's names, this season's money and rank, career and prizes."""
    return await api.rankings.profile(_player(player))


@get("/v1/players/{player:str}/rank", summary="A player's place and neighbours")
async def rank(
    api: Parts, player: FromPath[str], above: Neighbours = 3, below: Neighbours = 2
) -> RankWindow:
    """Return a player's place in the open season with those around it."""
    return await api.rankings.window(_player(player), above, below)


@get("/v1/players/{player:str}/seasons", summary="A player's closed seasons")
async def player_seasons(api: Parts, player: FromPath[str]) -> PlayerSeasons:
    """Return a player's rank, money and prize in each closed season, newest first."""
    found = await api.history.seasons(_player(player))
    if not found.seasons:
        await api.rankings.profile(player)  # 404 for whom nobody knows
    return found


@get("/v1/prizepool", summary="The open season's prize pool")
async def prize_pool(request: AnyRequest, api: Parts) -> Response[PrizePool]:
    """Return the pool, when the season ends, and what each place would pay now."""
    return await api.fresh(request, "pool", api.book.prize_pool)


@get("/v1/seasons", summary="All seasons")
async def seasons(request: AnyRequest, api: Parts) -> Response[Seasons]:
    """Return all seasons, newest first."""

    async def make() -> Seasons:
        return Seasons(await api.book.all())

    return await api.fresh(request, "seasons", make)


@get("/v1/seasons/{season:str}", summary="A season")
async def one_season(api: Parts, season: FromPath[str]) -> Season:
    """Return a season by its number, or the open one as ``current``."""
    return await api.book.one(None if season == CURRENT else _season(season))


@get("/v1/seasons/{season:str}/standings", summary="A closed season's final standings")
async def standings(
    api: Parts, season: FromPath[str], limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
) -> Standings:
    """Return final places by rank and player id."""
    number = _season(season)
    found = StandingsCursor(number, 0) if cursor is None else _cursor(cursor)
    if not isinstance(found, StandingsCursor) or found.season != number:
        raise ProblemError(400, "cursor: of another kind of page")
    return await api.history.standings(number, found.offset, limit)


@get("/v1/seasons/{season:str}/prizes", summary="A closed season's prizes")
async def prizes(api: Parts, season: FromPath[str]) -> Prizes:
    """Return the prizes that were paid, by place and player id."""
    return await api.history.prizes(_season(season))


@put(
    "/v1/players/{player:str}",
    summary="Register or change a player",
    exception_handlers=UNREADABLE_HANDLERS,
)
async def put_player(
    request: AnyRequest, api: Parts, player: FromPath[str], data: JSONBody[PlayerBody]
) -> PlayerView:
    """Needs the scope ``players:write``, or the player's own token."""
    return await api.registry.put(_player(player), data, api.claims(request))


@post(
    "/v1/players",
    summary="Register or change many players",
    request_max_body_size=BODY_BYTES_MAX,
    status_code=200,
)
async def post_players(request: AnyRequest, api: Parts) -> Registered:
    """A JSON object a line (NDJSON): id, username, name, country, team."""
    claims = api.claims(request)
    return await api.registry.put_many(await request.body(), claims)


@get("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "ok"}


@get("/readyz", include_in_schema=False)
async def readyz(api: Parts) -> dict[str, Any]:
    """Tell that every partition is open and projected."""
    shown = await api.book.shown()
    return {"status": "ready", "season": shown.season, "position": shown.position}


@get("/metrics", include_in_schema=False)
async def metrics(api: Parts) -> Response[bytes]:
    """Return Prometheus metrics."""
    registry = CollectorRegistry()
    lag = Gauge(
        "moneyboard_projection_lag_records",
        "Records in the log that the read models do not reflect yet.",
        ["partition"],
        registry=registry,
    )
    for partition, records in enumerate(await api.boards.lags()):
        lag.labels(partition).set(records)
    shown = await api.book.shown()
    Gauge("moneyboard_season", "The season shown.", registry=registry).set(shown.season)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


ROUTES = [
    leaderboard,
    players,
    profile,
    rank,
    player_seasons,
    prize_pool,
    seasons,
    one_season,
    standings,
    prizes,
    put_player,
    post_players,
    healthz,
    readyz,
    metrics,
]


def _player(text: str) -> str:
    if not is_player_id(text):
        raise ProblemError(404, "there is no such player")
    return text


def _season(text: str) -> int:
    if _SEASON.fullmatch(text) is None:
        raise ProblemError(404, "there is no such season")
    return int(text)


def _cursor(text: str) -> BoardCursor | StandingsCursor:
    try:
        return decode(text)
    except CursorError as error:
        raise ProblemError(400, "cursor: not one of this API") from error
