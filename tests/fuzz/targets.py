"""What is fuzzed: each target takes bytes and returns, or raises what is a bug.

A target lets through the one error that its subject may raise, and checks what came out otherwise:
that it survives a way there and back, and that whatever uses it next can.
"""

import atexit
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from projector.folds.state import changes
from protocol.description.vectors import vectors
from protocol.errors import (
    ArchiveError,
    LocalProtocolError,
    RemoteProtocolError,
    UnreadableRecordError,
)
from protocol.events import Piece, Void, decode_body, encode_piece, join_pieces
from protocol.limits import DEFAULT_LIMITS
from protocol.log import GENESIS, Entry, Position, follows, link
from protocol.messages import (
    SUBPROTOCOL_JSON,
    SUBPROTOCOL_MSGPACK,
    Message,
    Publish,
    decode_broker_message,
    decode_client_message,
    encode,
)
from protocol.partition import partition_of
from protocol.session import TABLE, Role, Session, State
from protocol.validation import Sender, all_accepted, check_publish, refusals, unknown_players
from runtime.revocations import parse_revocations
from runtime.tokens import JWKS_FILE, TokenError, Verifier, generate_keys, load_private, mint
from storage.compression import pack, unpack

NOW_MS = 1_700_000_000_000
PARTITIONS = 4
SENDERS = (
    Sender("game", frozenset({"earn:any"})),
    Sender("game", frozenset({"earn:any", "reverse"})),
    Sender("alice", frozenset({"earn"})),
)


def client_msgpack(data: bytes) -> None:
    """A client's binary message, and what a broker then makes of a Publish."""
    message = _decoded(decode_client_message, data, SUBPROTOCOL_MSGPACK)
    if isinstance(message, Publish):
        _judged(message)


def client_json(data: bytes) -> None:
    """A client's text message."""
    message = _decoded(decode_client_message, _text(data), SUBPROTOCOL_JSON)
    if isinstance(message, Publish):
        _judged(message)


def broker_msgpack(data: bytes) -> None:
    """A broker's binary message."""
    _decoded(decode_broker_message, data, SUBPROTOCOL_MSGPACK)


def broker_json(data: bytes) -> None:
    """A broker's text message."""
    _decoded(decode_broker_message, _text(data), SUBPROTOCOL_JSON)


def record_body(data: bytes) -> None:
    """The body of an entry, and the fold of what it holds."""
    try:
        pieces = decode_body(data)
    except UnreadableRecordError:
        return
    again = join_pieces([encode_piece(piece) for piece in pieces])
    assert decode_body(again) == pieces
    count = sum(len(piece.events) for piece in pieces)
    if not count:
        return
    chain = link(GENESIS.chain, count, count, 1, 0, again)
    entry = Entry(count, count, 1, 0, again, chain)
    assert follows(GENESIS, entry)
    assert not follows(Position(1, GENESIS.chain), entry)
    found = changes([entry])
    assert found.seasons[1].earned == sum(found.seasons[1].money.values())


def segment_chunk(data: bytes) -> None:
    """An archived chunk: damaged, it must not be read as another one."""
    try:
        entries = unpack(data, list[Entry])
    except ArchiveError:
        return
    assert unpack(pack(entries), list[Entry]) == entries


def session(data: bytes) -> None:
    """Both peers' automata, fed the same messages in the same order, allowed or not."""
    peers = {role: Session(role) for role in Role}
    for byte in data:
        sender = Role.CLIENT if byte & 0x80 else Role.BROKER
        message = _messages()[byte & 0x7F]
        before = peers[sender].state
        allowed = TABLE[sender][before].get(type(message))
        try:
            peers[sender].send(message)
        except LocalProtocolError:
            assert allowed is None
            assert peers[sender].state is before
            _refused(peers[sender.other], message)
            continue
        assert peers[sender].state is allowed
        peers[sender.other].receive(message)
        assert peers[sender.other].state is allowed
        if allowed is State.CLOSED:
            return


def token(data: bytes) -> None:
    """A token of any bytes, or a true one damaged by them."""
    verifier, true = _verifier()
    text = data.decode("utf-8", "surrogateescape")
    at = data[0] % len(true) if data else 0
    for candidate in (text, true[:at] + text, text + true[at:]):
        try:
            claims = verifier.verify(candidate, NOW_MS)
        except TokenError:
            continue
        assert candidate == true
        assert claims.subject == "game"


def revocations(data: bytes) -> None:
    """A revocation list as an operator may write it."""
    try:
        found = parse_revocations(_text(data))
    except ValueError:
        return
    assert found.revokes("", "nobody at all", 0) is False


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        client_msgpack,
        client_json,
        broker_msgpack,
        broker_json,
        record_body,
        segment_chunk,
        session,
        token,
        revocations,
    )
}


def seeds(name: str) -> list[bytes]:
    """Return what a target starts from: golden vectors, good and bad, and true examples."""
    golden = vectors()
    side, _, encoding = name.partition("_")
    if encoding in {"msgpack", "json"}:
        field = "msgpack_hex" if encoding == "msgpack" else "json_text"
        found = [
            vector[field]
            for vector in (*golden["messages"], *golden["bad"])
            if vector["sender"] == side and field in vector
        ]
        return [bytes.fromhex(text) if encoding == "msgpack" else text.encode() for text in found]
    if name == "record_body":
        return [
            join_pieces([b"\x94\xa1x\x01\x01\x91" + bytes.fromhex(event["msgpack_hex"])])
            for event in golden["events"]
        ]
    if name == "segment_chunk":
        return [pack([Entry(1, 1, 1, 0, b"body", "0" * 40)])]
    if name == "token":
        return [_verifier()[1].encode()]
    if name == "revocations":
        return [b'{"tokens":["a"],"subjects":{"game":1700000000.5}}']
    return [bytes(range(256)), b"\x80\x01\x81\x02"]


def corpus_file(name: str) -> Path:
    """Return where the saved inputs of a target are: a line each, in hexadecimal."""
    return Path(__file__).parent / "corpus" / f"{name}.hex"


def saved(name: str) -> list[bytes]:
    """Return the saved inputs of a target."""
    return [bytes.fromhex(line) for line in corpus_file(name).read_text().splitlines()]


def _decoded(
    decode: Callable[[bytes | str, str], Message], data: bytes | str, subprotocol: str
) -> Message | None:
    try:
        message = decode(data, subprotocol)
    except RemoteProtocolError:
        return None
    assert decode(encode(message, subprotocol), subprotocol) == message
    return message


def _judged(publish: Publish) -> None:
    try:
        check_publish(publish, PARTITIONS, DEFAULT_LIMITS)
    except RemoteProtocolError:
        return
    for sender in SENDERS:
        voids = refusals(publish, sender, PARTITIONS, NOW_MS, DEFAULT_LIMITS)
        known = {
            event.player
            for seq, event in enumerate(publish.events, publish.first)
            if seq not in voids
        }
        assert all(partition_of(player, PARTITIONS) == publish.partition for player in known)
        voids |= unknown_players(publish, voids, known)
        if all_accepted(publish.events, sender, known, NOW_MS, DEFAULT_LIMITS):
            assert not voids
        logged = tuple(
            Void(voids[seq]) if seq in voids else event
            for seq, event in enumerate(publish.events, publish.first)
        )
        piece = Piece("x", publish.first, publish.first + len(logged) - 1, logged)
        assert decode_body(join_pieces([encode_piece(piece)])) == (piece,)


def _refused(peer: Session, message: Message) -> None:
    """A peer that was sent what the table forbids says so and stays where it is."""
    before = peer.state
    try:
        peer.receive(message)
    except RemoteProtocolError:
        assert peer.state is before
    else:
        raise AssertionError(f"{message} was taken when {before}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@cache
def _messages() -> list[Message]:
    """128 messages, every kind among them."""
    golden = vectors()["messages"]
    found: list[Message] = [
        (decode_client_message if vector["sender"] == "client" else decode_broker_message)(
            vector["json_text"], SUBPROTOCOL_JSON
        )
        for vector in golden
    ]
    return [found[index % len(found)] for index in range(128)]


@cache
def _verifier() -> tuple[Verifier, str]:
    kept = TemporaryDirectory(prefix="moneyboard-fuzz-")
    atexit.register(kept.cleanup)
    folder = Path(kept.name)
    generate_keys(folder)
    true = mint(load_private(folder), "game", "earn:any", now_ms=NOW_MS)
    return Verifier(folder / JWKS_FILE, "moneyboard", "moneyboard"), true
