"""The examples that golden vectors are made of: each message and event, and what must be refused.

An example is chosen for what implementations get wrong: optional fields left out and given, numbers
around the sizes of msgpack and at 2^53 - 1, text outside ASCII, empty and long arrays.
"""

from msgspec import Struct

from protocol.errors import ErrorCode, RefusalCode
from protocol.events import (
    EarningReversed,
    Event,
    MoneyEarned,
    PrizeAwarded,
    Restored,
    SeasonClosed,
    Void,
)
from protocol.messages import (
    Ack,
    Bye,
    Durability,
    Error,
    Gap,
    Goaway,
    Hello,
    Lane,
    Message,
    Publish,
    Refused,
    Renew,
    Welcome,
)
from protocol.money import AMOUNT_MAX, SUM_LIMIT
from protocol.session import Role

PRODUCER = "01890a5d-ac96-774b-bcce-b302099a8057"
TIME_MS = 1_700_000_000_000
SEQ_MAX = SUM_LIMIT - 1

MESSAGES: dict[str, Message] = {
    "hello": Hello("aaa.bbb.ccc", PRODUCER),
    "hello with client and version": Hello("aaa.bbb.ccc", PRODUCER, "my-game", "1.2.3"),
    "publish one": Publish(0, 1, (MoneyEarned("alice", 250, TIME_MS),)),
    "publish with reference": Publish(
        3, 128, (MoneyEarned("bob:7", 1, TIME_MS, "match-77 · Zürich"),)
    ),
    "publish a reversal": Publish(
        2, 65_536, (EarningReversed("carol", AMOUNT_MAX, TIME_MS, "match-77", "cheated"),)
    ),
    "publish many": Publish(
        1, SEQ_MAX - 20, tuple(MoneyEarned(f"p{i}", 10**i, TIME_MS + i) for i in range(12))
    ),
    "renew": Renew("ddd.eee.fff"),
    "bye": Bye(),
    "welcome": Welcome(
        "1f", 4, "crc32", (), 10_000, 500, Durability.FSYNCED, TIME_MS + 3_600_000, TIME_MS
    ),
    "welcome back": Welcome(
        "20",
        16,
        "crc32",
        (Lane(0, 5, 5), Lane(3, 70_000, 127), Lane(15, SEQ_MAX, 0)),
        256,
        100,
        Durability.MEMORY,
        TIME_MS + 3_600_000,
        TIME_MS,
        16_384,
    ),
    "ack": Ack(0, 250, Durability.MEMORY),
    "ack with archived": Ack(3, SEQ_MAX, Durability.REPLICATED, 4_294_967_296),
    "refused": Refused(1, 17, RefusalCode.PLAYER_UNKNOWN),
    "refused with text": Refused(1, 17, RefusalCode.AMOUNT_TOO_LARGE, "at most 10^12"),
    "gap": Gap(2, 0),
    "goaway": Goaway("the broker is stopping"),
    "goaway with delay": Goaway("the broker is stopping", 500),
    "error": Error(ErrorCode.TOKEN_EXPIRED),
    "error with text": Error(ErrorCode.UNEXPECTED_MESSAGE, "Publish is not allowed when greeting"),
}
"""Name to message."""

EVENT_EXAMPLES: dict[str, Event] = {
    "money earned": MoneyEarned("alice", 250, TIME_MS),
    "money earned with reference": MoneyEarned("a" * 64, AMOUNT_MAX, TIME_MS, "日本 🎮"),
    "earning reversed": EarningReversed("alice", 250, TIME_MS),
    "earning reversed with reason": EarningReversed("alice", 250, TIME_MS, "match-77", "cheated"),
    "season closed": SeasonClosed(17),
    "prize awarded": PrizeAwarded("alice", 17, 1, SEQ_MAX),
    "void": Void(RefusalCode.PLAYER_FOREIGN),
    "restored": Restored(2),
}
"""Name to event."""


class BadMessage(Struct, frozen=True):
    """What a peer must refuse as malformed, in one encoding.

    Attributes:
        sender: who would have sent it.
        why: what is wrong with it.
        json_text, msgpack_hex: the bytes, one of the two.
    """

    name: str
    sender: Role
    why: str
    json_text: str | None = None
    msgpack_hex: str | None = None


_BROKER, _CLIENT = Role.BROKER, Role.CLIENT

BAD: tuple[BadMessage, ...] = (
    BadMessage("empty text", _CLIENT, "not a value", ""),
    BadMessage("cut text", _CLIENT, "the object does not end", '{"type":"bye"'),
    BadMessage("text after", _CLIENT, "more than one value", '{"type":"bye"} {}'),
    BadMessage("not json", _BROKER, "NaN is not JSON", '{"type":"gap","partition":NaN,"last":1}'),
    BadMessage("an array", _CLIENT, "a message is a map", '["bye"]'),
    BadMessage("no type", _CLIENT, "nothing names it", "{}"),
    BadMessage("unknown type", _CLIENT, "there is no such message", '{"type":"hullo"}'),
    BadMessage("wrong role", _BROKER, "only a client says it", '{"type":"bye"}'),
    BadMessage("role of a broker", _CLIENT, "only a broker says it", '{"type":"gap","last":1}'),
    BadMessage("a field is missing", _CLIENT, "token is required", '{"type":"renew"}'),
    BadMessage(
        "a number as text", _BROKER, "last is a number", '{"type":"gap","partition":0,"last":"1"}'
    ),
    BadMessage("a fraction", _BROKER, "last is whole", '{"type":"gap","partition":0,"last":1.5}'),
    BadMessage("a null", _CLIENT, "token is a text", '{"type":"renew","token":null}'),
    BadMessage(
        "an unknown event",
        _CLIENT,
        "no event of clients has tag 49",
        '{"type":"publish","partition":0,"first":1,"events":[[49,3]]}',
    ),
    BadMessage(
        "a short event",
        _CLIENT,
        "amount and time are required",
        '{"type":"publish","partition":0,"first":1,"events":[[17,"alice"]]}',
    ),
    BadMessage(
        "an event as a map",
        _CLIENT,
        "an event is an array",
        '{"type":"publish","partition":0,"first":1,"events":[{"player":"alice"}]}',
    ),
    BadMessage("no bytes", _CLIENT, "not a value", msgpack_hex=""),
    BadMessage("a reserved byte", _CLIENT, "0xc1 is never used", msgpack_hex="c1"),
    BadMessage("cut bytes", _CLIENT, "the map does not end", msgpack_hex="81a474797065"),
    BadMessage("bytes after", _CLIENT, "more than one value", msgpack_hex="81a474797065a3627965c0"),
    BadMessage("not a map", _CLIENT, "a message is a map", msgpack_hex="91a3627965"),
    BadMessage("an empty map", _CLIENT, "nothing names it", msgpack_hex="80"),
    BadMessage(
        "not utf-8",
        _CLIENT,
        "text is UTF-8",
        msgpack_hex="82a474797065a572656e6577a5746f6b656ea2c328",
    ),
    BadMessage(
        "binary for text",
        _CLIENT,
        "token is a text",
        msgpack_hex="82a474797065a572656e6577a5746f6b656ec403616263",
    ),
    BadMessage(
        "a length beyond the end",
        _CLIENT,
        "4 GiB of array are announced",
        msgpack_hex="82a474797065a77075626c697368a66576656e7473ddffffffff",
    ),
    BadMessage(
        "a float",
        _BROKER,
        "last is whole",
        msgpack_hex="83a474797065a3676170a9706172746974696f6e00a46c617374cb3ff0000000000000",
    ),
)
"""What must be refused as malformed."""

PLAYERS = ("a", "alice", "bob:7", "Z9._:-", "a" * 64, "01890a5d-ac96-774b-bcce-b302099a8057")
"""Players whose partitions are told for several P."""

PARTITION_COUNTS = (1, 4, 12, 24, 1024)
