"""Wrong tokens and producers: each gets its code, and no session."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.errors import ErrorCode
from protocol.messages import (
    Error,
    Hello,
    Renew,
)
from runtime.tokens import mint
from tests.arena import Arena, Talk, producer_id
from tests.hostile.conftest import HONEST


def hmac_with_public_key(found: Arena) -> str:
    """The classic confusion: an HMAC keyed with the public key's bytes."""
    public = found.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = urlsafe_b64encode(b'{"alg":"HS256","kid":"development","typ":"JWT"}').rstrip(b"=")
    signed = header + b"." + found.token().encode().split(b".")[1]
    digest = hmac.new(public, signed, hashlib.sha256).digest()
    return (signed + b"." + urlsafe_b64encode(digest).rstrip(b"=")).decode()


def claims(found: Arena, **changes: Any) -> dict[str, Any]:
    now_s = found.clock.now_ms() // 1000
    whole = {
        "sub": "game-1",
        "scope": "earn:any",
        "iat": now_s,
        "exp": now_s + 60,
        "aud": "moneyboard",
        "iss": "moneyboard",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def signed(found: Arena, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    kid = {"kid": "development"} if headers is None else headers
    return jwt.encode(claims(found, **changes), found.key, algorithm="EdDSA", headers=kid)


def rsa_signed(found: Arena) -> str:
    key = generate_private_key(65537, 2048)
    return jwt.encode(claims(found), key, algorithm="RS256", headers={"kid": "development"})


def unsigned(found: Arena) -> str:
    return jwt.encode(claims(found), None, algorithm="none", headers={"kid": "development"})


def other_key(found: Arena) -> str:
    return mint(Ed25519PrivateKey.generate(), "game-1", "earn:any", now_ms=found.clock.now_ms())


def cut(found: Arena) -> str:
    head, body, _ = found.token().split(".")
    return f"{head}.{body}."


TOKENS: dict[str, tuple[Callable[[Arena], str], ErrorCode]] = {
    "none": (lambda _: "", ErrorCode.TOKEN_MISSING),
    "no token at all": (lambda _: "hello", ErrorCode.TOKEN_INVALID),
    "huge": (lambda _: "x" * 9_000, ErrorCode.TOKEN_INVALID),
    "expired": (lambda found: signed(found, exp=1), ErrorCode.TOKEN_EXPIRED),
    "negative expiry": (lambda found: signed(found, exp=-1), ErrorCode.TOKEN_EXPIRED),
    "from the future": (lambda found: signed(found, iat=2**39), ErrorCode.TOKEN_INVALID),
    "not yet": (lambda found: signed(found, nbf=2**39), ErrorCode.TOKEN_INVALID),
    "other audience": (lambda found: signed(found, aud="shop"), ErrorCode.TOKEN_AUDIENCE),
    "list of audiences": (
        lambda found: signed(found, aud=["moneyboard", "shop"]),
        ErrorCode.TOKEN_AUDIENCE,
    ),
    "other issuer": (lambda found: signed(found, iss="shop"), ErrorCode.TOKEN_INVALID),
    "no subject": (lambda found: signed(found, sub=None), ErrorCode.TOKEN_INVALID),
    "no expiry": (lambda found: signed(found, exp=None), ErrorCode.TOKEN_INVALID),
    "no issue time": (lambda found: signed(found, iat=None), ErrorCode.TOKEN_INVALID),
    "no audience": (lambda found: signed(found, aud=None), ErrorCode.TOKEN_INVALID),
    "no issuer": (lambda found: signed(found, iss=None), ErrorCode.TOKEN_INVALID),
    "text expiry": (lambda found: signed(found, exp="soon"), ErrorCode.TOKEN_INVALID),
    "no kid": (lambda found: signed(found, headers={}), ErrorCode.TOKEN_INVALID),
    "unknown kid": (lambda found: signed(found, headers={"kid": "../x"}), ErrorCode.TOKEN_INVALID),
    "no scope": (lambda found: signed(found, scope="read"), ErrorCode.TOKEN_SCOPE),
    "other key": (other_key, ErrorCode.TOKEN_INVALID),
    "no signature": (cut, ErrorCode.TOKEN_INVALID),
    "alg none": (unsigned, ErrorCode.TOKEN_ALGORITHM),
    "HS256 with the public key": (hmac_with_public_key, ErrorCode.TOKEN_ALGORITHM),
    "RS256 on an EdDSA key": (rsa_signed, ErrorCode.TOKEN_ALGORITHM),
}


class TestTokens:
    """A wrong token gets its code, and no session."""

    @pytest.mark.parametrize("name", sorted(TOKENS))
    async def test_a_wrong_token(self, calm: Arena, name: str) -> None:
        make, code = TOKENS[name]
        async with calm.socket() as socket_:
            talk = Talk(socket_)
            await talk.send(Hello(make(calm), producer_id(1)))
            assert (await talk.expect(Error)).code is code
            assert await talk.closed() == 1008

    @pytest.mark.parametrize(
        "producer", ["", "season", "prize-1", "X" * 36, producer_id(1).upper()]
    )
    async def test_a_producer_id_that_is_none(self, calm: Arena, producer: str) -> None:
        async with calm.socket() as socket_:
            talk = Talk(socket_)
            await talk.send(Hello(calm.token(), producer))
            assert (await talk.expect(Error)).code is ErrorCode.PRODUCER_INVALID

    async def test_another_subjects_producer(self, calm: Arena) -> None:
        async with calm.socket() as socket_:
            talk = Talk(socket_)
            await talk.send(Hello(calm.token("game-2"), HONEST))
            assert (await talk.expect(Error)).code is ErrorCode.PRODUCER_FOREIGN

    async def test_a_renewal_for_another_subject(self, calm: Arena) -> None:
        async with calm.session() as talk:
            await talk.send(Renew(calm.token("game-2")))
            assert (await talk.expect(Error)).code is ErrorCode.TOKEN_INVALID

    async def test_a_session_ends_with_its_token(self, calm: Arena) -> None:
        almost = signed(calm, exp=calm.clock.now_ms() // 1000 - 9)  # within the leeway of 10 s
        async with calm.session(token=almost) as talk:
            assert (await talk.expect(Error)).code is ErrorCode.TOKEN_EXPIRED

    async def test_a_renewed_session_goes_on(self, calm: Arena) -> None:
        almost = signed(calm, exp=calm.clock.now_ms() // 1000 - 9)
        async with calm.session(token=almost) as talk:
            await talk.send(Renew(calm.token()))
            with trio.move_on_after(1.5) as waited:
                await talk.socket.get_message()
            assert waited.cancelled_caught
