"""What an Error from the broker means for a client: try again, or give up."""

from trio_websocket import ConnectionClosed

from protocol.errors import ErrorCode, MoneyboardError
from protocol.messages import Error
from runtime.logging import logger

TRY_AGAIN = frozenset(
    {ErrorCode.UNAVAILABLE, ErrorCode.RESTORED, ErrorCode.TIMEOUT, ErrorCode.WINDOW_EXCEEDED}
)
"""Errors that a new session may get over; the others are the caller's to mend."""


class SessionRefusedError(MoneyboardError):
    """The broker refuses this producer's sessions; ``code`` says why."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


def ended(error: Error, *, renewable: bool) -> ConnectionClosed | SessionRefusedError:
    """Return what to raise: ConnectionClosed where a new session may help.

    Args:
        error: what the broker sent.
        renewable: whether a new session would come with a fresh token.
    """
    expired = error.code is ErrorCode.TOKEN_EXPIRED and renewable
    if error.code in TRY_AGAIN or expired:
        logger(part="client").info("session-ended", code=error.code.value, text=error.text)
        return ConnectionClosed(None)
    return SessionRefusedError(error.code, error.text)
