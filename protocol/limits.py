"""Every limit of the session protocol and the broker, with its reason. Tested one by one.

A peer that passes a limit that it was told is in error; one that merely is fast is slowed by not
being read.
"""

from msgspec import Struct

from protocol.messages import MESSAGE_BYTES
from protocol.money import AMOUNT_MAX


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of one broker. Sizes in bytes, times in seconds, all above zero."""

    message_bytes: int = MESSAGE_BYTES
    """500 events of 128 bytes: larger messages would let one peer hold much memory."""
    batch_events: int = 500
    """Events a Publish: 720k events/s fit through one socket at 100 already."""
    window_events: int = 10_000
    """Events sent and not yet answered, as told to the client: a second's worth of a busy game
    server. Twice as many are an error, as a Gap and a resend may cross."""
    amount_max: int = AMOUNT_MAX
    """Minor units of one earning; 9,007 such still fit below 2^53 for one player."""
    token_bytes: int = 8 * 1024
    """A signed token with a few claims is below 1 KiB."""
    clock_ahead_ms: int = 300_000
    """How far a game's clock may be ahead of the broker's."""
    connections: int = 10_000
    """At once; each costs some 30 KB when idle."""
    connections_an_address: int = 5_000
    """High, as a load balancer may stand before all of them."""
    handshake_s: float = 5.0
    """From the connection to the end of the WebSocket upgrade."""
    hello_s: float = 5.0
    """From the upgrade to Hello."""
    idle_s: float = 600.0
    """Without any message from the client; an honest one that had nothing to say reconnects."""
    send_s: float = 10.0
    """For one message to a peer; one that does not read is cut."""
    close_s: float = 2.0
    """For the closing handshake."""
    drain_s: float = 10.0
    """For what was taken to be acked when a session or the broker ends."""
    idle_frames: int = 256
    """Frames since the last whole message: pings, pongs and fragments. Each takes the broker 9 us,
    and nobody else is served between them: 10,000 in one read would take 90 ms."""
    message_queue: int = 16
    """Received messages waiting to be handled, a connection."""
    partition_queue: int = 256
    """Pieces waiting for one partition's next flush; then its producers are not read."""
    flush_events: int = 5_000
    """Events a flush: 1 to 2 ms in the log server, so that others wait no longer."""
    flush_bytes: int = 512 * 1024
    """Half of what an entry may have."""
    rate_events: int = 200_000
    """Events a second of one subject with ``earn:any``, averaged over a second."""
    rate_events_player: int = 200
    """The same for a player's own token (``earn``)."""
    rate_refused: int = 2_000
    """Void events a second of one subject: each costs the log server 3 us and the broker 6, a
    hundred times what an accepted one of a large batch does, and is kept for resends."""
    known_players: int = 200_000
    """Player ids remembered as registered: about 25 MB."""


DEFAULT_LIMITS = Limits()

assert DEFAULT_LIMITS.batch_events <= DEFAULT_LIMITS.window_events  # noqa: S101 - a relation between limits
assert DEFAULT_LIMITS.batch_events <= DEFAULT_LIMITS.flush_events  # noqa: S101 - a relation between limits
assert DEFAULT_LIMITS.message_bytes <= DEFAULT_LIMITS.flush_bytes  # noqa: S101 - a relation between limits
assert DEFAULT_LIMITS.token_bytes < DEFAULT_LIMITS.message_bytes  # noqa: S101 - a relation between limits
