"""An issuer of our own making for the tests, which can do what no good issuer does.

It signs with `cryptography` alone, so that what verifies the tokens is not what made them.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hmac import digest
from typing import Any

import uvicorn
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

NOW = 1_800_000_000.0

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_EC = ec.generate_private_key(ec.SECP256R1())
_ED = ed25519.Ed25519PrivateKey.generate()
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
KEYS: dict[str, PrivateKey] = {"RS256": _RSA, "PS256": _RSA, "ES256": _EC, "EdDSA": _ED}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def public_jwk(key: PrivateKey, kid: str, **more: str) -> dict[str, str]:
    match key:
        case rsa.RSAPrivateKey():
            rsa_numbers = key.public_key().public_numbers()
            made = {"kty": "RSA", "n": number(rsa_numbers.n), "e": number(rsa_numbers.e)}
        case ec.EllipticCurvePrivateKey():
            point = key.public_key().public_numbers()
            x, y = (b64(part.to_bytes(32, "big")) for part in (point.x, point.y))
            made = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        case _:
            raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            made = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
    return {**made, "kid": kid, **more}


def pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def signature(alg: str, key: PrivateKey | bytes, content: bytes) -> bytes:
    match key:
        case bytes():
            return digest(key, content, "sha256") if alg == "HS256" else b""
        case rsa.RSAPrivateKey() if alg == "PS256":
            return key.sign(content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        case rsa.RSAPrivateKey():
            return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePrivateKey():
            r, s = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        case _:
            return key.sign(content)


def token(claims: dict[str, Any], alg: str, key: PrivateKey | bytes, **header: Any) -> str:
    head = b64(json.dumps({"alg": alg, "typ": "JWT", **header}).encode())
    content = f"{head}.{b64(json.dumps(claims).encode())}"
    return f"{content}.{b64(signature(alg, key, content.encode()))}"


@dataclass
class ForeignIssuer:
    """Publishes the keys it is told to, counts how often it is asked, and can be out of order."""

    url: str = ""
    keys: list[dict[str, str]] = field(default_factory=list)
    says_issuer: str | None = None
    broken: bool = False
    asked: int = 0

    def publish(self, *algs: str) -> None:
        self.keys = [public_jwk(KEYS[alg], alg) for alg in algs]

    def claims(self, **changed: Any) -> dict[str, Any]:
        made = {
            "iss": self.url,
            "sub": "ana",
            "aud": "saferweho",
            "iat": NOW - 10,
            "exp": NOW + 600,
            "sid": "session-of-ana",
            **changed,
        }
        return {name: value for name, value in made.items() if value is not None}

    def sign(self, alg: str = "ES256", kid: str | None = None, **changed: Any) -> str:
        return token(self.claims(**changed), alg, KEYS[alg], kid=kid or alg)

    async def _discovery(self, request: Request) -> Response:
        if self.broken:
            return Response("out of order", status_code=500)
        address = {name: f"{self.url}/{name}" for name in ("jwks_uri", "authorization_endpoint", "token_endpoint")}
        return JSONResponse({"issuer": self.says_issuer or self.url, **address})

    async def _jwks(self, request: Request) -> Response:
        self.asked += 1
        return JSONResponse({"keys": self.keys})

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks_uri", self._jwks),
            ]
        )


@contextmanager
def serving(app: ASGIApp, listener: socket.socket | None = None) -> Iterator[str]:
    """The application on `listener`, or on a free port of loopback. Yields the base URL."""
    listener = listener or socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise AssertionError("the test's server did not start")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
