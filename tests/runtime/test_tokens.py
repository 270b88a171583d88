"""Keys and tokens; wrong tokens are tested against a broker in tests/hostile."""

import os
from pathlib import Path

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm

from protocol.errors import ConfigurationError, ErrorCode
from runtime.rate import Bucket
from runtime.reread import Reread
from runtime.revocations import parse_revocations
from runtime.tokens import (
    JWKS_FILE,
    LEEWAY_MS,
    PRIVATE_KEY_FILE,
    TokenError,
    Verifier,
    generate_keys,
    load_private,
    mint,
)

NOW_MS = 1_700_000_000_000


class TestKeys:
    """Development keys are made once, and the private one is its owner's alone."""

    def test_made_once(self, tmp_path: Path) -> None:
        generate_keys(tmp_path)
        before = (tmp_path / PRIVATE_KEY_FILE).read_bytes()
        generate_keys(tmp_path)
        assert (tmp_path / PRIVATE_KEY_FILE).read_bytes() == before
        assert (tmp_path / PRIVATE_KEY_FILE).stat().st_mode & 0o777 == 0o600
        assert "d" not in msgspec.json.decode((tmp_path / JWKS_FILE).read_bytes())["keys"][0]

    def test_missing_keys_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="keys_file"):
            Verifier(tmp_path / JWKS_FILE, "moneyboard", "moneyboard")
        with pytest.raises(ConfigurationError, match="no development key"):
            load_private(tmp_path)


class TestVerifier:
    """A good token says who and what, until it expires; keys may change while it runs."""

    def test_a_good_token(self, tmp_path: Path) -> None:
        generate_keys(tmp_path)
        token = mint(load_private(tmp_path), "me", "earn read", now_ms=NOW_MS, lifetime_s=60)
        verifier = Verifier(tmp_path / JWKS_FILE, "moneyboard", "moneyboard")
        claims = verifier.verify(token, NOW_MS)
        assert (claims.subject, claims.scopes) == ("me", frozenset({"earn", "read"}))
        assert claims.expires_at_ms == NOW_MS + 60_000 + LEEWAY_MS
        verifier.verify(token, claims.expires_at_ms - 1)
        with pytest.raises(TokenError) as expired:
            verifier.verify(token, claims.expires_at_ms)
        assert expired.value.code is ErrorCode.TOKEN_EXPIRED

    def test_keys_are_read_again_when_the_file_changes(self, tmp_path: Path) -> None:
        generate_keys(tmp_path)
        verifier = Verifier(tmp_path / JWKS_FILE, "moneyboard", "moneyboard")
        rsa = generate_private_key(65537, 2048)
        public = RSAAlgorithm.to_jwk(rsa.public_key(), as_dict=True) | {"kid": "new"}
        claims = {"sub": "me", "iat": 1, "exp": 2 * NOW_MS // 1000, "aud": "moneyboard"}
        token = jwt.encode(
            claims | {"iss": "moneyboard"}, rsa, algorithm="RS256", headers={"kid": "new"}
        )
        with pytest.raises(TokenError, match="not known"):
            verifier.verify(token, NOW_MS)
        (tmp_path / JWKS_FILE).write_bytes(msgspec.json.encode({"keys": [public]}))
        os.utime(tmp_path / JWKS_FILE, ns=(1, 1))
        assert verifier.verify(token, NOW_MS).subject == "me"
        (tmp_path / JWKS_FILE).write_text("broken")
        assert verifier.verify(token, NOW_MS).subject == "me"


class TestRevocations:
    """Single tokens by id, or all of a subject up to a time."""

    LIST = parse_revocations('{"tokens": ["t-1"], "subjects": {"game": 100}}')

    @pytest.mark.parametrize(
        ("token_id", "subject", "issued_at_s", "revoked"),
        [
            ("t-1", "other", 500, True),
            ("t-2", "other", 50, False),
            ("", "other", 50, False),
            ("", "game", 99, True),
            ("t-2", "game", 100, True),
            ("", "game", 100.5, False),
        ],
    )
    def test_which(self, token_id: str, subject: str, issued_at_s: float, revoked: bool) -> None:
        assert self.LIST.revokes(token_id, subject, issued_at_s) is revoked

    @pytest.mark.parametrize("text", ["", "[]", '{"token": []}', '{"subjects": {"a": "x"}}'])
    def test_a_file_that_is_none(self, text: str, tmp_path: Path) -> None:
        file = tmp_path / "revocations.json"
        file.write_text(text)
        with pytest.raises(ConfigurationError, match="revocations_file"):
            Reread(file, parse_revocations, "revocations_file")

    def test_a_broken_change_and_a_lost_file_leave_the_list_in_force(self, tmp_path: Path) -> None:
        file = tmp_path / "revocations.json"
        file.write_text('{"tokens": ["t-1"]}')
        found = Reread(file, parse_revocations, "revocations_file")
        file.write_text('{"tokens": ["t-1", ')
        assert found.value().revokes("t-1", "", 0)
        file.unlink()
        assert found.value().revokes("t-1", "", 0)
        file.write_text('{"tokens": ["t-22"]}')
        assert not found.value().revokes("t-1", "", 0)


class TestBucket:
    """A bucket holds a second's worth and tells how long to wait for more."""

    def test_waits(self) -> None:
        bucket = Bucket(100, 0.0)
        assert bucket.take(100, 0.0) == 0
        assert bucket.take(50, 0.0) == 0.5
        assert bucket.take(0, 0.5) == 0
        assert bucket.take(100, 10.0) == 0
