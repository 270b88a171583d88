"""Tokens: JWTs with a short list of algorithms, keys by id, and every claim required.

Laws:

- The key decides the algorithm: an Ed25519 key verifies EdDSA only, an RSA key RS256 only. What the
  token's header says is only compared. ``none`` and HMAC are never tried.
- kid, exp, iat, sub, aud and iss are required; audience and issuer match exactly.
- Time is passed in.
"""

import os
from pathlib import Path
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from msgspec import Struct

from protocol.errors import ConfigurationError, ErrorCode, MoneyboardError
from protocol.identity import is_subject
from runtime.reread import Reread
from runtime.revocations import NOTHING_REVOKED, Revocations, parse_revocations
from runtime.settings import Settings

TOKEN_BYTES_MAX = 8 * 1024
LEEWAY_MS = 10_000
"""How far clocks of issuer and broker may differ; the design allows 30 s."""

ALGORITHMS = {"OKP": "EdDSA", "RSA": "RS256"}
"""JWK key type to the only algorithm that it verifies."""

PRIVATE_KEY_FILE = "private.pem"
JWKS_FILE = "jwks.json"
DEVELOPMENT_KEY_ID = "development"


class TokenError(MoneyboardError):
    """A token is refused; ``code`` says why."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class Claims(Struct, frozen=True):
    """What a verified token says; ``token_id`` is empty where it has no ``jti``."""

    subject: str
    scopes: frozenset[str]
    expires_at_ms: int
    issued_at_s: float = 0
    token_id: str = ""

    def revoked_by(self, revocations: Revocations) -> bool:
        """Tell whether the token is revoked."""
        return revocations.revokes(self.token_id, self.subject, self.issued_at_s)


class _Payload(Struct):
    sub: str
    exp: float
    iat: float
    aud: str | list[str]
    iss: str
    scope: str = ""
    nbf: float = 0
    jti: str = ""


class Verifier:
    """Verifies tokens with keys and revocations that are read again when their files change.

    Args:
        keys_file: a JWK set (RFC 7517) with a ``kid`` for each key.
        issuer, audience: what ``iss`` and ``aud`` must be.
        revocations_file: see ``runtime.revocations``; None revokes nothing.

    Raises:
        ConfigurationError: a file cannot be read or holds nothing usable.
    """

    def __init__(
        self, keys_file: Path, issuer: str, audience: str, revocations_file: Path | None = None
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = Reread(keys_file, _parse_keys, "keys_file")
        self._revocations = (
            None
            if revocations_file is None
            else Reread(revocations_file, parse_revocations, "revocations_file")
        )

    def verify(self, token: str, now_ms: int) -> Claims:
        """Return what a token says.

        Args:
            token: the compact form.
            now_ms: Unix time in milliseconds.

        Raises:
            TokenError: TOKEN_MISSING, _INVALID, _EXPIRED, _AUDIENCE, _ALGORITHM or _REVOKED.
        """
        if not token:
            raise TokenError(ErrorCode.TOKEN_MISSING, "no token")
        if len(token) > TOKEN_BYTES_MAX:
            raise TokenError(ErrorCode.TOKEN_INVALID, "the token is too large")
        key = self._key_of(token)
        try:
            decoded = jwt.PyJWS().decode_complete(token, key, algorithms=[_algorithm(key)])
            claims = msgspec.json.decode(decoded["payload"], type=_Payload)
        except (jwt.PyJWTError, msgspec.DecodeError, ValueError, RecursionError) as error:
            raise TokenError(ErrorCode.TOKEN_INVALID, "signature or claims are wrong") from error
        judged = self._judge(claims, now_ms)
        if judged.revoked_by(self.revocations()):
            raise TokenError(ErrorCode.TOKEN_REVOKED, "the token was taken back")
        return judged

    def revocations(self) -> Revocations:
        """Return what is revoked now; tokens that were verified earlier may be among it."""
        return NOTHING_REVOKED if self._revocations is None else self._revocations.value()

    def _key_of(self, token: str) -> jwt.PyJWK:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise TokenError(ErrorCode.TOKEN_INVALID, "not a signed token") from error
        if header.get("alg") not in ALGORITHMS.values():
            raise TokenError(ErrorCode.TOKEN_ALGORITHM, "only EdDSA and RS256 are accepted")
        kid = header.get("kid")
        key = self._keys.value().get(kid) if isinstance(kid, str) else None
        if key is None:
            raise TokenError(ErrorCode.TOKEN_INVALID, "the key is not known")
        if header["alg"] != _algorithm(key):
            raise TokenError(ErrorCode.TOKEN_ALGORITHM, "the key is for another algorithm")
        return key

    def _judge(self, claims: _Payload, now_ms: int) -> Claims:
        if claims.aud != self._audience:
            raise TokenError(ErrorCode.TOKEN_AUDIENCE, "the token is for somebody else")
        if claims.iss != self._issuer:
            raise TokenError(ErrorCode.TOKEN_INVALID, "the issuer is not known")
        if not is_subject(claims.sub):
            raise TokenError(ErrorCode.TOKEN_INVALID, "the subject is not usable")
        if not 0 < claims.exp < 2**40 or claims.exp * 1000 + LEEWAY_MS <= now_ms:
            raise TokenError(ErrorCode.TOKEN_EXPIRED, "the token has expired")
        if max(claims.iat, claims.nbf) * 1000 > now_ms + LEEWAY_MS:
            raise TokenError(ErrorCode.TOKEN_INVALID, "the token is from the future")
        scopes = frozenset(claims.scope.split())
        expires_at_ms = int(claims.exp * 1000) + LEEWAY_MS
        return Claims(claims.sub, scopes, expires_at_ms, claims.iat, claims.jti)


def _parse_keys(text: str) -> dict[str, jwt.PyJWK]:
    """Return the usable keys of a JWK set by their id; ValueError when there is none."""
    try:
        keys = jwt.PyJWKSet.from_json(text).keys
    except jwt.PyJWTError as error:
        raise ValueError(str(error)) from error
    usable = {key.key_id: key for key in keys if key.key_id and key.key_type in ALGORITHMS}
    if not usable:
        raise ValueError("no EdDSA or RSA key with kid")
    return usable


def verifier_of(settings: Settings) -> Verifier:
    """Return the verifier that the settings describe; raises as it does."""
    if not settings.keys_file:
        raise ConfigurationError("keys_file: a JWKS file is needed to check tokens")
    revocations = Path(settings.revocations_file) if settings.revocations_file else None
    return Verifier(
        Path(settings.keys_file), settings.token_issuer, settings.token_audience, revocations
    )


def generate_keys(folder: Path) -> None:
    """Make a development key pair in a folder, unless there is one.

    Writes ``private.pem`` (Ed25519, readable by its owner alone) and ``jwks.json``.
    """
    private_file = folder / PRIVATE_KEY_FILE
    if private_file.exists() and (folder / JWKS_FILE).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public: dict[str, Any] = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    public |= {"kid": DEVELOPMENT_KEY_ID, "alg": "EdDSA", "use": "sig"}
    with os.fdopen(os.open(private_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(pem)
    (folder / JWKS_FILE).write_bytes(msgspec.json.encode({"keys": [public]}))


def load_private(folder: Path) -> Ed25519PrivateKey:
    """Return the development private key of a folder.

    Raises:
        ConfigurationError: there is none.
    """
    try:
        pem = (folder / PRIVATE_KEY_FILE).read_bytes()
        key = serialization.load_pem_private_key(pem, None)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"no development key in {folder}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"the key in {folder} is not Ed25519")
    return key


def mint(
    key: Ed25519PrivateKey,
    subject: str,
    scope: str,
    *,
    now_ms: int,
    lifetime_s: int = 3600,
    issuer: str = "moneyboard",
    audience: str = "moneyboard",
    kid: str = DEVELOPMENT_KEY_ID,
) -> str:
    """Sign a token: ``scope`` is a list of words separated by spaces."""
    now_s = now_ms // 1000
    claims = {
        "sub": subject,
        "scope": scope,
        "iat": now_s,
        "exp": now_s + lifetime_s,
        "aud": audience,
        "iss": issuer,
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})


def _algorithm(key: jwt.PyJWK) -> str:
    return ALGORITHMS[str(key.key_type)]
