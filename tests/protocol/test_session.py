"""The session's table, walked whole, from both sides."""

import pytest

from protocol.errors import (
    ErrorCode,
    LocalProtocolError,
    RefusalCode,
    RemoteProtocolError,
)
from protocol.messages import (
    Ack,
    Bye,
    Durability,
    Error,
    Gap,
    Goaway,
    Hello,
    Message,
    Publish,
    Refused,
    Renew,
    Welcome,
)
from protocol.session import TABLE, Role, Session, State

WELCOME = Welcome("s", 4, "crc32", (), 10, 5, Durability.MEMORY, 0, 0)

EXAMPLES: dict[Role, list[Message]] = {
    Role.CLIENT: [Hello("t", "p"), Publish(0, 1, ()), Renew("t"), Bye()],
    Role.BROKER: [
        WELCOME,
        Ack(0, 1, Durability.MEMORY),
        Refused(0, 1, RefusalCode.SCOPE),
        Gap(0, 0),
        Goaway("x"),
        Error(ErrorCode.TIMEOUT),
    ],
}

STEPS = [(role, state, message) for role in Role for state in State for message in EXAMPLES[role]]


@pytest.mark.parametrize(("role", "state", "message"), STEPS)
def test_each_step_of_the_table_from_both_sides(role: Role, state: State, message: Message) -> None:
    after = TABLE[role][state].get(type(message))
    sender, receiver = Session(role), Session(role.other)
    sender.state = receiver.state = state
    if after is None:
        with pytest.raises(LocalProtocolError):
            sender.send(message)
        with pytest.raises(RemoteProtocolError) as remote:
            receiver.receive(message)
        assert remote.value.code is ErrorCode.UNEXPECTED_MESSAGE
        assert sender.state is receiver.state is state
    else:
        sender.send(message)
        receiver.receive(message)
        assert sender.state is receiver.state is after


def test_every_message_is_in_the_table_for_one_role_only() -> None:
    allowed = {role: {kind for row in TABLE[role].values() for kind in row} for role in Role}
    assert allowed == {role: {type(item) for item in EXAMPLES[role]} for role in Role}
    assert not allowed[Role.CLIENT] & allowed[Role.BROKER]


def test_nothing_is_allowed_in_a_closed_session() -> None:
    assert all(not TABLE[role][State.CLOSED] for role in Role)


def test_the_broker_can_end_every_session_with_an_error() -> None:
    for state in set(State) - {State.CLOSED}:
        assert TABLE[Role.BROKER][state][Error] is State.CLOSED
