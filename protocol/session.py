"""The session's states: one literal table, obeyed by both peers.

Laws:

- A session is one automaton. Each peer runs it over the messages that it sends and receives, in
  its own order; messages that cross on the wire are allowed by the table in both orders.
- What the table does not allow is an error: of this side when it tries to send
  (LocalProtocolError), of the peer when it was received (RemoteProtocolError, with the code).
- ``Session`` does no I/O and knows no time.

States: GREETING (waiting for Hello), WELCOMING (the broker decides), OPEN, DRAINING (the broker
said Goaway), LEAVING (the client said Bye), CLOSED.
"""

from enum import Enum

from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    Ack,
    Bye,
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


class Role(Enum):
    """Who a peer is."""

    CLIENT = "client"
    BROKER = "broker"

    @property
    def other(self) -> "Role":
        """The peer's role."""
        return Role.BROKER if self is Role.CLIENT else Role.CLIENT


class State(Enum):
    """Where a session stands."""

    GREETING = "greeting"
    WELCOMING = "welcoming"
    OPEN = "open"
    DRAINING = "draining"
    LEAVING = "leaving"
    CLOSED = "closed"


GREETING, WELCOMING, OPEN, DRAINING, LEAVING, CLOSED = State

TABLE: dict[Role, dict[State, dict[type[Message], State]]] = {
    Role.CLIENT: {
        GREETING: {Hello: WELCOMING},
        WELCOMING: {},
        OPEN: {Publish: OPEN, Renew: OPEN, Bye: LEAVING},
        DRAINING: {Publish: DRAINING, Renew: DRAINING, Bye: LEAVING},
        LEAVING: {},
        CLOSED: {},
    },
    Role.BROKER: {
        GREETING: {Error: CLOSED},
        WELCOMING: {Welcome: OPEN, Error: CLOSED},
        OPEN: {Ack: OPEN, Refused: OPEN, Gap: OPEN, Goaway: DRAINING, Error: CLOSED},
        DRAINING: {Ack: DRAINING, Refused: DRAINING, Gap: DRAINING, Error: CLOSED},
        LEAVING: {Ack: LEAVING, Refused: LEAVING, Gap: LEAVING, Goaway: LEAVING, Error: CLOSED},
        CLOSED: {},
    },
}
"""Sender's role, state and message to the state after it. What is missing is not allowed."""


class Session:
    """One peer's view of a session.

    Args:
        role: this peer's own.
    """

    def __init__(self, role: Role) -> None:
        self._role = role
        self.state = State.GREETING

    def send(self, message: Message) -> None:
        """Note that this peer sends a message.

        Raises:
            LocalProtocolError: the state does not allow it; the state is unchanged.
        """
        after = TABLE[self._role][self.state].get(type(message))
        if after is None:
            raise LocalProtocolError(
                f"a {self._role.value} may not send {type(message).__name__} "
                f"when {self.state.value}"
            )
        self.state = after

    def receive(self, message: Message) -> None:
        """Note that the peer sent a message.

        Raises:
            RemoteProtocolError: UNEXPECTED_MESSAGE; the state is unchanged.
        """
        after = TABLE[self._role.other][self.state].get(type(message))
        if after is None:
            raise RemoteProtocolError(
                ErrorCode.UNEXPECTED_MESSAGE,
                f"{type(message).__name__} is not allowed when {self.state.value}",
            )
        self.state = after
