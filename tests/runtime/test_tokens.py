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


class TestBucket:
    """A bucket holds a second's worth and tells how long to wait for more."""

    def test_waits(self) -> None:
        bucket = Bucket(100, 0.0)
        assert bucket.take(100, 0.0) == 0
        assert bucket.take(50, 0.0) == 0.5
        assert bucket.take(0, 0.5) == 0
        assert bucket.take(100, 10.0) == 0
