"""The agency's key for files that leave: ECDSA on P-256 with SHA-256 (ES256), and the certificates that go with it.

An installation makes a root and a signer of its own out of one secret of its key store, always the same ones, so that
no certificate has to be kept anywhere; an agency with a certification authority names a file instead. Nobody's clock
but ours is asked: without a time-stamp authority a signature can be checked as long as its certificate lasts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PURPOSE = "export signing"  # of the installation's secret
AGENCY = "City of West Hollywood"
VALID = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC))
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SEC 2 §2.4.2


class SignerRefused(Exception):
    """A file of key and certificates that cannot sign exports. Says what is wrong with it, and nothing of the key."""


class AgencySigner:
    """`chain`: the signer's certificate first, the root last."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]) -> None:
        self._key, self.chain = key, tuple(chain)

    @classmethod
    def self_made(cls, secret: bytes) -> AgencySigner:
        """Of 32 secret bytes."""
        root_key, key = _key(secret, b"root"), _key(secret, b"signer")
        root_name, name = _name("Safer WeHo export root"), _name("Safer WeHo exports")
        root = _certificate(root_name, root_key.public_key(), root_name, root_key, root_key.public_key(), root=True)
        return cls(key, [_certificate(name, key.public_key(), root_name, root_key, root_key.public_key()), root])

    @classmethod
    def read(cls, file: Path) -> AgencySigner:
        """Of a PEM file, mode 0600, with a private key on P-256, its certificate, and those above it up to the root.
        Raises SignerRefused."""
        try:
            if file.stat().st_mode & 0o077:
                raise SignerRefused(f"{file}: others can read this key; run: chmod 600 {file}")
            content = file.read_bytes()
            key = serialization.load_pem_private_key(content, None)
            chain = x509.load_pem_x509_certificates(content)
        except OSError as error:
            raise SignerRefused(f"{file}: cannot be read ({error.strerror})") from None
        except (ValueError, TypeError):
            accepted = "a private key without a password, its certificate, then those above it"
            raise SignerRefused(f"{file}: is no PEM file of a key and its certificates; accepted: {accepted}") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise SignerRefused(f"{file}: its key is no key on the curve P-256")
        if chain[0].public_key() != key.public_key():
            raise SignerRefused(f"{file}: its first certificate is not the key's")
        for below, above in pairwise(chain):
            if not issued_by(below, above):
                raise SignerRefused(f"{file}: {_said(below)} was not issued by {_said(above)}, which comes next")
        return cls(key, chain)

    @property
    def chain_pem(self) -> bytes:
        return b"".join(map(pem, self.chain))

    @property
    def root_pem(self) -> bytes:
        return pem(self.chain[-1])

    def sign(self, content: bytes) -> bytes:
        """DER, as `openssl dgst -sha256 -verify` takes it."""
        return self._key.sign(content, ec.ECDSA(hashes.SHA256()))

    def sign_for_cose(self, content: bytes) -> bytes:
        """The two numbers side by side (RFC 9053 §2.1)."""
        r, s = decode_dss_signature(self.sign(content))
        return r.to_bytes(32) + s.to_bytes(32)


# -- checking ----------------------------------------------------------------


def signed(certificate: x509.Certificate, content: bytes, signature: bytes) -> bool:
    """Whether the holder of the certificate's key signed this."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer, which may issue, signed the certificate (RFC 5280 §6.1.3)."""
    try:
        may = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return may


def leads_to(chain: Sequence[x509.Certificate], root: x509.Certificate, at: datetime) -> bool:
    """Whether each certificate was issued by the one behind it, and the last is the root or was issued by it; all of
    them valid then."""
    whole = [*chain] if chain[-1] == root else [*chain, root]
    valid = all(each.not_valid_before_utc <= at <= each.not_valid_after_utc for each in whole)
    return valid and all(issued_by(below, above) for below, above in pairwise(whole))


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256, as people compare it: pairs of hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


# -- making ------------------------------------------------------------------


def _key(secret: bytes, label: bytes) -> ec.EllipticCurvePrivateKey:
    # More bits than the order has, so that no key is likelier than another (FIPS 186-5 A.2.1).
    wide = HKDF(hashes.SHA256(), 48, None, b"saferweho export " + label).derive(secret)
    return ec.derive_private_key(int.from_bytes(wide) % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def _name(common: str) -> x509.Name:
    named = ((NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, AGENCY), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(*pair) for pair in named])


def _certificate(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuers_key: ec.EllipticCurvePrivateKey,
    issuers_public_key: ec.EllipticCurvePublicKey,
    *,
    root: bool = False,
) -> x509.Certificate:
    """As the C2PA specification asks of who signs claims (§14.5), and of a root."""
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int.from_bytes(hashlib.sha256(point).digest()[:16]) or 1)
        .not_valid_before(VALID[0])
        .not_valid_after(VALID[1])
        .add_extension(x509.BasicConstraints(root, 0 if root else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not root,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=root,
                crl_sign=root,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers_public_key), critical=False)
    )
    if not root:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    # RFC 6979: the same key signs the same certificate with the same bytes.
    return builder.sign(issuers_key, hashes.SHA256(), ecdsa_deterministic=True)


def _said(certificate: x509.Certificate) -> str:
    return f"the certificate of '{certificate.subject.rfc4514_string()}'"
