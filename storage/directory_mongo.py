"""The player directory in MongoDB, in collections of its own."""

import re
from collections.abc import Iterable
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from storage.directory import Player
from storage.documents import Document
from storage.documents_mongo import closed_on_error, open_database, outages

DUPLICATE_KEY = 11000
"""MongoDB's code for a unique index that refuses."""


class MongoDirectory:
    """A ``storage.directory.Directory`` in a MongoDB database.

    Args:
        url: ``mongodb://…/database``.
    """

    def __init__(self, url: str) -> None:
        self._database = open_database(url)
        self._players = self._database["players"]
        self._producers = self._database["producers"]
        with closed_on_error(self._database), outages():
            self._players.create_index("folded", unique=True)

    def put(self, players: Iterable[Player]) -> tuple[str, ...]:
        """Insert or replace players; return the ids refused as their username is taken."""
        wanted = list(players)
        changes = [
            UpdateOne(
                {"_id": player.id},
                {
                    "$set": {
                        "folded": player.username.casefold(),
                        "username": player.username,
                        "name": player.name,
                        "country": player.country,
                        "team": player.team,
                    }
                },
                upsert=True,
            )
            for player in wanted
        ]
        if not changes:
            return ()
        with outages():
            try:
                self._players.bulk_write(changes, ordered=False)
            except BulkWriteError as error:
                failed = error.details["writeErrors"]
                if any(item["code"] != DUPLICATE_KEY for item in failed):
                    raise
                return tuple(sorted(wanted[item["index"]].id for item in failed))
        return ()

    def get(self, ids: Iterable[str]) -> dict[str, Player]:
        """Return the players that exist, by id."""
        with outages():
            found = self._players.find({"_id": {"$in": list(ids)}})
            return {item["_id"]: _player(item) for item in found}

    def by_username(self, username: str) -> Player | None:
        """Return the player with this username, without regard to case."""
        with outages():
            found = self._players.find_one({"folded": username.casefold()})
        return None if found is None else _player(found)

    def search(self, prefix: str, limit: int) -> list[Player]:
        """Return players whose username starts with the prefix, by username ascending."""
        query: dict[str, Any] = {"folded": {"$regex": "^" + re.escape(prefix.casefold())}}
        with outages():
            found = self._players.find(query, sort=[("folded", 1)], limit=limit)
            return [_player(item) for item in found]

    def bind_producer(self, producer: str, subject: str) -> str:
        """Bind a producer to a subject if it has none; return the subject that it has."""
        with outages():
            while True:
                try:
                    found = self._producers.find_one_and_update(
                        {"_id": producer},
                        {"$setOnInsert": {"subject": subject}},
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
                except DuplicateKeyError:
                    continue  # another caller's upsert was first: read what it bound
                if found is not None:
                    return str(found["subject"])

    def close(self) -> None:
        """Close the connections."""
        self._database.client.close()


def _player(found: Document) -> Player:
    return Player(found["_id"], found["username"], found["name"], found["country"], found["team"])
