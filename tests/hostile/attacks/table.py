"""Every class of attack, by name, with what it may do in the short form and in the full one."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from tests.hostile.attacks import floods, frames, handshake, lanes, messages, tokens
from tests.hostile.attacks.target import Budget, Target


class Plan(Struct, frozen=True):
    """What an attack may do: so many tries, for so many seconds at most."""

    tries: int
    seconds: float


class Attack(Struct, frozen=True):
    """One class of hostile clients.

    Attributes:
        run: the attack.
        proof: what it must have seen at least once, else it never got to its point.
        short, full: how much it does.
    """

    run: Callable[[Target, Budget], Awaitable[None]]
    proof: str
    short: Plan = Plan(100_000, 1.0)
    full: Plan = Plan(1_000_000, 8.0)


ATTACKS = {
    "garbage-then-reset": Attack(handshake.garbage_then_reset, "reset"),
    "reset-after-every-byte": Attack(
        handshake.reset_after_every_byte, "every byte", Plan(100_000, 2.0)
    ),
    "slow-handshake": Attack(
        handshake.slow_handshake, "dripped", Plan(100, 1.2), Plan(1_000, 10.0)
    ),
    "silent-connections": Attack(
        handshake.silent_connections, "silent", Plan(100, 1.0), Plan(1_000, 10.0)
    ),
    "silent-upgrades": Attack(
        handshake.silent_upgrades, "silent", Plan(100, 1.0), Plan(1_000, 10.0)
    ),
    "plain-http": Attack(handshake.plain_http, "turned away"),
    "wrong-subprotocols": Attack(handshake.wrong_subprotocols, "400"),
    "huge-headers": Attack(handshake.huge_headers, "turned away"),
    "trailing-bytes": Attack(handshake.trailing_bytes, "ended"),
    "slow-frames": Attack(frames.slow_frames, "dripped"),
    "one-byte-fragments": Attack(frames.one_byte_fragments, "fragments"),
    "empty-fragments": Attack(frames.empty_fragments, "fragments"),
    "oversize-messages": Attack(frames.oversize_messages, "1009"),
    "compression": Attack(frames.compression, "ended"),
    "wrong-frames": Attack(frames.wrong_frames, "ended"),
    "bad-text": Attack(frames.bad_text, "ended"),
    "close-abuse": Attack(frames.close_abuse, "gone"),
    "ping-flood": Attack(floods.ping_flood, "pings"),
    "unread-pongs": Attack(floods.unread_pongs, "pings"),
    "pong-flood": Attack(floods.pong_flood, "pongs"),
    "never-reading": Attack(floods.never_reading, "batches", full=Plan(1_000, 20.0)),
    "connections": Attack(floods.connections, "held", Plan(150, 1.5), Plan(5_200, 45.0)),
    "churn": Attack(floods.churn, "left"),
    "hello-flood": Attack(floods.hello_flood, "refused"),
    "renew-flood": Attack(floods.renew_flood, "renewals"),
    "token-bombs": Attack(tokens.token_bombs, "refused"),
    "key-id-injection": Attack(tokens.key_id_injection, "refused"),
    "key-confusion": Attack(tokens.key_confusion, "refused"),
    "msgpack-bombs": Attack(messages.msgpack_bombs, "malformed"),
    "json-bombs": Attack(messages.json_bombs, "malformed"),
    "seq-jumps": Attack(lanes.seq_jumps, "refused"),
    "replays": Attack(lanes.replays, "acked"),
    "wrong-partitions": Attack(lanes.wrong_partitions, "refused"),
    "stolen-producers": Attack(lanes.stolen_producers, "refused"),
    "foreign-players": Attack(lanes.foreign_players, "refused"),
    "refused-batches": Attack(lanes.refused_batches, "refused"),
}
"""Name to attack; the order is from the outside in."""
