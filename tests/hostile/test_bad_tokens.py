"""Wrong tokens and producers: each gets its code, and no session."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

from protocol.errors import ErrorCode
from protocol.messages import Ack, Error, Hello, Publish, Renew
from runtime.revocations import NOTHING_REVOKED
from runtime.tokens import JWKS_FILE, mint
from tests.arena import PARTITIONS, Arena, Talk, producer_id
from tests.hostile.conftest import HOME, HONEST, earned


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


def segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(found: Arena, header: dict[str, Any], payload: bytes | None = None) -> str:
    """A token signed by the true key, whatever header and payload say."""
    whole = {"alg": "EdDSA", "kid": "development", **header}
    kept = {name: value for name, value in whole.items() if value is not None}
    body = msgspec.json.encode(claims(found)) if payload is None else payload
    told = f"{segment(msgspec.json.encode(kept))}.{segment(body)}"
    return f"{told}.{segment(found.key.sign(told.encode()))}"


def raw_claims(found: Arena, **texts: str) -> str:
    """A token whose payload holds numbers that JSON encoders do not write."""
    payload = msgspec.json.encode(claims(found) | dict.fromkeys(texts, "HERE")).decode()
    for text in texts.values():
        payload = payload.replace('"HERE"', text, 1)
    return raw(found, {}, payload.encode())


def swapped(found: Arena) -> str:
    head, _, signature = found.token().split(".")
    return ".".join([head, found.token("admin").split(".")[1], signature])


def flipped(found: Arena) -> str:
    told, _, signature = found.token().rpartition(".")
    return f"{told}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def own_key_in_header(found: Arena) -> str:
    """A forger's key, offered in the header as jwk."""
    forger = Ed25519PrivateKey.generate()
    jwk = OKPAlgorithm.to_jwk(forger.public_key(), as_dict=True)
    headers = {"kid": "development", "jwk": jwk, "jku": "http://127.0.0.1/jwks.json"}
    return jwt.encode(claims(found), forger, algorithm="EdDSA", headers=headers)


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
    "two segments": (lambda found: found.token().rpartition(".")[0], ErrorCode.TOKEN_INVALID),
    "four segments": (lambda found: found.token() + ".x", ErrorCode.TOKEN_INVALID),
    "encrypted": (lambda found: found.token() + ".x.y", ErrorCode.TOKEN_INVALID),
    "not base64": (lambda found: "!" + found.token(), ErrorCode.TOKEN_INVALID),
    "not ascii": (lambda found: found.token() + "é", ErrorCode.TOKEN_INVALID),
    "a line break inside": (
        lambda found: found.token().replace(".", "\n.", 1),
        ErrorCode.TOKEN_INVALID,
    ),
    "payload of another": (swapped, ErrorCode.TOKEN_INVALID),
    "one bit of the signature": (flipped, ErrorCode.TOKEN_INVALID),
    "its own key in the header": (own_key_in_header, ErrorCode.TOKEN_INVALID),
    "a critical extension": (
        lambda found: signed(found, headers={"kid": "development", "crit": ["x"], "x": 1}),
        ErrorCode.TOKEN_INVALID,
    ),
    "an unencoded payload": (
        lambda found: raw(found, {"b64": False, "crit": ["b64"]}, b"{}"),
        ErrorCode.TOKEN_INVALID,
    ),
    "kid a number": (lambda found: raw(found, {"kid": 1}), ErrorCode.TOKEN_INVALID),
    "kid a list": (lambda found: raw(found, {"kid": ["development"]}), ErrorCode.TOKEN_INVALID),
    "kid empty": (lambda found: raw(found, {"kid": ""}), ErrorCode.TOKEN_INVALID),
    "kid of SQL": (lambda found: raw(found, {"kid": "' or 1=1 --"}), ErrorCode.TOKEN_INVALID),
    "no alg": (lambda found: raw(found, {"alg": None}), ErrorCode.TOKEN_ALGORITHM),
    "alg in another case": (lambda found: raw(found, {"alg": "eddsa"}), ErrorCode.TOKEN_ALGORITHM),
    "alg None": (lambda found: raw(found, {"alg": "None"}), ErrorCode.TOKEN_ALGORITHM),
    "alg ES256": (lambda found: raw(found, {"alg": "ES256"}), ErrorCode.TOKEN_ALGORITHM),
    "alg PS256": (lambda found: raw(found, {"alg": "PS256"}), ErrorCode.TOKEN_ALGORITHM),
    "header an array": (
        lambda found: ".".join([segment(b"[]"), *found.token().split(".")[1:]]),
        ErrorCode.TOKEN_INVALID,
    ),
    "payload an array": (lambda found: raw(found, {}, b"[]"), ErrorCode.TOKEN_INVALID),
    "payload not json": (lambda found: raw(found, {}, b"sub=game-1"), ErrorCode.TOKEN_INVALID),
    "payload not utf-8": (
        lambda found: raw(found, {}, b'{"sub":"\xff"}'),
        ErrorCode.TOKEN_INVALID,
    ),
    "payload deep": (
        lambda found: raw(found, {}, b'{"sub":' + b"[" * 2_500 + b"]" * 2_500 + b"}"),
        ErrorCode.TOKEN_INVALID,
    ),
    "boolean expiry": (lambda found: signed(found, exp=True), ErrorCode.TOKEN_INVALID),
    "endless expiry": (lambda found: raw_claims(found, exp="1e400"), ErrorCode.TOKEN_INVALID),
    "expiry not a number": (lambda found: raw_claims(found, exp="NaN"), ErrorCode.TOKEN_INVALID),
    "expiry beyond all clocks": (lambda found: signed(found, exp=2**62), ErrorCode.TOKEN_EXPIRED),
    "subject a number": (lambda found: signed(found, sub=7), ErrorCode.TOKEN_INVALID),
    "subject empty": (lambda found: signed(found, sub=""), ErrorCode.TOKEN_INVALID),
    "subject too long": (lambda found: signed(found, sub="x" * 129), ErrorCode.TOKEN_INVALID),
    "subject with a space": (lambda found: signed(found, sub="a b"), ErrorCode.TOKEN_INVALID),
    "scope a list": (lambda found: signed(found, scope=["earn:any"]), ErrorCode.TOKEN_INVALID),
    "scope almost": (lambda found: signed(found, scope="earn:anyone"), ErrorCode.TOKEN_SCOPE),
    "scope in capitals": (lambda found: signed(found, scope="EARN"), ErrorCode.TOKEN_SCOPE),
    "audience with a slash": (
        lambda found: signed(found, aud="moneyboard/"),
        ErrorCode.TOKEN_AUDIENCE,
    ),
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
        async with calm.session(token=calm.token(lifetime_s=60)) as talk:
            await talk.send(Renew(calm.token(lifetime_s=7200)))
            await talk.send(Publish(HOME, 1, (earned(),)))
            assert (await talk.expect(Ack)).through == 1
            in_an_hour_ms = calm.clock.now_ms() + 3_600_000
            for session in calm.broker.sessions:
                if session.producer == producer_id(1):
                    session.check(trio.current_time(), in_an_hour_ms, NOTHING_REVOKED)
            await talk.send(Publish(HOME, 2, (earned(),)))
            assert (await talk.expect(Ack)).through == 2


class TestRevocation:
    """A token that was taken back opens no session, and ends the one that it opened."""

    async def test_a_revoked_token(self, calm: Arena) -> None:
        token = signed(calm, jti="t-1")
        calm.revoke("t-1")
        async with calm.socket() as socket_:
            talk = Talk(socket_)
            await talk.send(Hello(token, producer_id(1)))
            assert (await talk.expect(Error)).code is ErrorCode.TOKEN_REVOKED

    async def test_a_session_ends_when_its_token_is_revoked(self, calm: Arena) -> None:
        async with calm.session(token=signed(calm, jti="t-1")) as talk:
            calm.revoke("t-1")
            assert (await talk.expect(Error)).code is ErrorCode.TOKEN_REVOKED
            assert await talk.closed() == 1008

    async def test_a_subject_gets_new_tokens_after_its_old_ones_were_revoked(
        self, calm: Arena
    ) -> None:
        now_s = calm.clock.now_ms() // 1000
        old, new = signed(calm, sub="game-9", iat=now_s - 60), signed(calm, sub="game-9")
        async with calm.session(producer_id(9), token=old) as talk:
            calm.revoke(**{"game-9": now_s - 30})
            assert (await talk.expect(Error)).code is ErrorCode.TOKEN_REVOKED
        async with calm.session(producer_id(9), token=new) as talk:
            assert talk.welcome.partitions == PARTITIONS


class TestRotation:
    """Keys change while the broker runs."""

    async def test_a_new_key_is_used_and_an_old_one_is_not(self, calm: Arena) -> None:
        new = Ed25519PrivateKey.generate()
        public = OKPAlgorithm.to_jwk(new.public_key(), as_dict=True) | {"kid": "second"}
        before = calm.token()
        after = mint(new, "game-1", "earn:any", now_ms=calm.clock.now_ms(), kid="second")
        file = calm.folder / JWKS_FILE
        whole = msgspec.json.decode(file.read_bytes())
        for keys, works, fails in (
            ([*whole["keys"], public], [before, after], []),
            ([public], [after], [before]),
        ):
            file.with_suffix(".new").write_bytes(msgspec.json.encode({"keys": keys}))
            file.with_suffix(".new").replace(file)
            for token in works:
                async with calm.session(token=token) as talk:
                    assert talk.welcome.partitions == PARTITIONS
            for token in fails:
                async with calm.socket() as socket_:
                    talk = Talk(socket_)
                    await talk.send(Hello(token, producer_id(1)))
                    assert (await talk.expect(Error)).code is ErrorCode.TOKEN_INVALID
