"""Attacks with tokens: each must be refused, at Hello and at Renew."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.messages import Error, Renew
from tests.hostile.attacks.swarm import PEERS, swarm
from tests.hostile.attacks.target import Budget, Target
from tests.hostile.attacks.wire import EndedError, message, peer

DEEP = 2_500
"""Levels: as deep as fits below ``token_bytes`` when encoded."""
HUGE = 40_000
"""Bytes: below ``message_bytes``, over ``token_bytes``."""
FOREVER_S = 2_000_000_000
FORMS = (serialization.Encoding.PEM, serialization.Encoding.DER)
"""In which a public key may be known."""

Sign = Callable[[bytes], bytes]


async def token_bombs(target: Target, budget: Budget) -> None:
    """Tokens that are deep, huge, empty, cut or not base64."""
    await _try_all(target, budget, bombs(target.game_token()))


async def key_id_injection(target: Target, budget: Budget) -> None:
    """Key ids that are paths, queries or structures, and keys that a token brings along."""
    await _try_all(target, budget, injections())


async def key_confusion(target: Target, budget: Budget) -> None:
    """HMAC with the public key, no algorithm at all, another key, another algorithm's name."""
    await _try_all(target, budget, confusions(target.jwks))


def bombs(good: str) -> tuple[str, ...]:
    """Make tokens that cost more to read than to send."""
    header, payload, signature = good.split(".")
    deep = (b"[" * DEEP, b'{"a":' * DEEP, b"[" * DEEP + b"]" * DEEP)
    repeated = b"{" + b'"alg":"EdDSA",' * 400 + b'"kid":1e999999}'
    return (
        *(f"{encoded(text)}.{payload}.{signature}" for text in deep),
        *(f"{header}.{encoded(text)}.{signature}" for text in deep),
        f"{encoded(b'9' * DEEP)}.{payload}.{signature}",
        f"{encoded(repeated)}.{payload}.{signature}",
        "x" * HUGE,
        "." * HUGE,
        good + "A" * HUGE,
        "." * 7_000,
        f"{header}..{signature}",
        f"{header}.{payload}.",
        good[:-4],
        f"{header}.{payload}.{signature[::-1]}",
        f"{header}.{payload}.{signature}.{signature}.{signature}",
        "\ud7ff" * 2_000,
        "\0" * 100,
        " " + good + "\n\n.",
    )


def injections() -> tuple[str, ...]:
    """Make tokens that are signed by a stranger who names or brings the key."""
    stranger = Ed25519PrivateKey.generate()
    raw = stranger.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    own = {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw), "kid": "own"}
    ids: tuple[Any, ...] = (
        *(
            "../../../../dev/null",
            "/proc/self/environ",
            "' OR 1=1 --",
            "development\0",
            "x" * 4_000,
        ),
        *(0, -1, None, True, 1.5, [], ["development"], {}, {"kid": "development"}, "", "*"),
    )
    headers = [
        *({"kid": found} for found in ids),
        {"kid": "own", "jwk": own},
        {"kid": "development", "jwk": own},
        {"kid": "development", "jku": "http://127.0.0.1:9/jwks.json"},
        {"kid": "development", "x5u": "http://127.0.0.1:9/x", "x5c": ["AAAA"]},
        {"kid": "development", "crit": ["exp"], "exp": 1},
        {"kid": "development", "b64": False, "crit": ["b64"]},
        {"kid": "development", "zip": "DEF"},
        {},
    ]
    return tuple(forged({"alg": "EdDSA", **header}, stranger.sign) for header in headers)


def confusions(jwks: bytes) -> tuple[str, ...]:
    """Make tokens whose algorithm is not the one of the key."""
    (jwk,) = msgspec.json.decode(jwks)["keys"]
    raw = base64.urlsafe_b64decode(jwk["x"] + "==")
    public = Ed25519PublicKey.from_public_bytes(raw)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = (
        *(b"", raw, jwk["x"].encode(), jwks, msgspec.json.encode(jwk)),
        *(public.public_bytes(form, spki) for form in FORMS),
    )
    hashes = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
    kid = jwk["kid"]
    found = [
        forged({"alg": name, "kid": kid}, lambda data, s=secret, h=digest: hmac.digest(s, data, h))
        for (name, digest), secret in product(hashes.items(), secrets)
    ]
    found += [
        forged({"alg": "EdDSA", "kid": kid}, lambda data, s=secret: hmac.digest(s, data, "sha512"))
        for secret in secrets
    ]
    nothing = ("none", "None", "NONE", "nOnE", "", None, 0, [], ["EdDSA"])
    found += [forged({"alg": name, "kid": kid}, lambda _: b"") for name in nothing]
    others = ("RS256", "ES256", "PS256", "RS256 ", "eddsa", "EdDSA\0")
    found += [forged({"alg": name, "kid": kid}, lambda _: b"\0" * 64) for name in others]
    return tuple(found)


def forged(header: Mapping[str, Any], sign: Sign) -> str:
    """Make a token with claims that are right, and whatever header and signature."""
    claims = {
        "sub": "mallory",
        "scope": "earn:any",
        "iat": 0,
        "exp": FOREVER_S,
        "aud": "moneyboard",
        "iss": "moneyboard",
    }
    signed = f"{encoded(msgspec.json.encode(header))}.{encoded(msgspec.json.encode(claims))}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def encoded(data: bytes) -> str:
    """Encode as the parts of a JWT are."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def _try_all(target: Target, budget: Budget, tokens: Sequence[str]) -> None:
    """Use each token in turn to open a session, and to renew one."""

    async def attempt() -> None:
        number = budget.attempts - 1
        token, renews = tokens[number // 2 % len(tokens)], number % 2
        async with peer(target) as found:
            if renews:
                await found.open(target)
                await found.send(message(Renew(token)))
                answer = await found.message()
            else:
                await found.upgraded()
                answer = await found.greet(token, target.fresh_producer())
            if not isinstance(answer, Error) or not answer.code.startswith("token-"):
                budget.breach(f"{token[:80]!r} was answered with {answer}")
            budget.saw("refused")
            try:
                await found.message()
            except EndedError:
                return
            budget.breach(f"the session went on after {token[:80]!r}")

    await swarm(budget, PEERS, attempt)
