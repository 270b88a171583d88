"""What an attack is given: whom, how much, and where to tell what came of it."""

from collections import Counter
from collections.abc import Callable

import trio
from msgspec import Struct


class Target(Struct, frozen=True):
    """Whom to attack, and what anybody may know of them.

    Attributes:
        host, port: the broker's.
        mint: signs a good token for a subject and a scope.
        jwks: the broker's public keys.
        fresh_producer: a producer id that nobody used.
        victims: ids of the honest producers.
        players: registered, and earned for by attackers alone.
        honest_players: registered, and earned for by the honest alone.
    """

    host: str
    port: int
    mint: Callable[[str, str], str]
    jwks: bytes
    fresh_producer: Callable[[], str]
    victims: tuple[str, ...]
    players: tuple[str, ...]
    honest_players: tuple[str, ...]

    def game_token(self) -> str:
        """Sign a good token of a game server that is not honest."""
        return self.mint("mallory", "earn:any")


class Budget:
    """How much an attack may do, and what it saw. Made when the attack begins.

    Args:
        tries: at most.
        seconds: at most.

    Attributes:
        attempts: tries begun.
        seen: how often each thing was observed.
        breaches: what the broker let through though it must not.
    """

    def __init__(self, tries: int, seconds: float) -> None:
        self.tries = tries
        self.deadline = trio.current_time() + seconds
        self.attempts = 0
        self.seen: Counter[str] = Counter()
        self.breaches: set[str] = set()

    def more(self) -> bool:
        """Begin a try, if one is left."""
        if self.attempts >= self.tries or trio.current_time() >= self.deadline:
            return False
        self.attempts += 1
        return True

    def saw(self, what: str, times: int = 1) -> None:
        """Count an observation."""
        self.seen[what] += times

    def breach(self, what: str) -> None:
        """Note what must not have happened."""
        self.breaches.add(what)
