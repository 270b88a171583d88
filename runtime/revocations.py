"""Which tokens are taken back before they expire.

The file is JSON: ``{"tokens": ["<jti>", …], "subjects": {"<sub>": <Unix seconds>, …}}``. A token is
revoked when its ``jti`` is listed, or when it was issued at or before its subject's time; so a
subject may get new tokens after its old ones were taken back.
"""

import msgspec
from msgspec import Struct


class Revocations(Struct, frozen=True, forbid_unknown_fields=True):
    """The revoked tokens, by id, and subjects with the time up to which theirs are revoked."""

    tokens: frozenset[str] = frozenset()
    subjects: dict[str, float] = {}

    def revokes(self, token_id: str, subject: str, issued_at_s: float) -> bool:
        """Tell whether a token is revoked; ``token_id`` is empty where it has none."""
        if token_id and token_id in self.tokens:
            return True
        return subject in self.subjects and issued_at_s <= self.subjects[subject]


NOTHING_REVOKED = Revocations()


def parse_revocations(text: str) -> Revocations:
    """Read a revocation list.

    Raises:
        ValueError: it is none.
    """
    return msgspec.json.decode(text, type=Revocations)
