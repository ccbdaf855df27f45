"""Our own small CA for seals: root (P-384) → issuing (P-256) → one seal certificate a holder. Everything in it says 示例.

A sample, not a trust service: the private keys lie in files that only the service's account can read. An agency puts the certificate of
its licensed CA and its own key in their place.
"""

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

# The sample clock may stand in any year, so the sample CA itself is valid throughout; seal certificates are renewed as usual.
CA_FROM = datetime(2000, 1, 1, tzinfo=UTC)
CA_UNTIL = datetime(2099, 12, 31, tzinfo=UTC)
SEAL_DAYS = 3 * 365
RENEW_DAYS = 30  # a seal certificate that ends sooner than this is replaced before it is used again
HOLDER_LENGTH_MAX = 14  # what fits around the picture, and into a common name of 64 bytes
_DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336


@dataclass(frozen=True, slots=True)
class KeyAndChain:
    """A private key with its certificate, and the certificates above it, nearest first; the root is last."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()


def seal_certificate(folder: Path, holder: str, at: datetime) -> KeyAndChain:
    """The key and certificate of a holder's seal, valid at that instant; made on first use, renewed when it runs out.

    Args: folder: private to the service (0700), made when absent. holder: the words around the seal, beginning with 示例.
    Raises: ValueError for a holder that does not say 示例 or is too long.
    """
    if not holder.startswith("示例") or len(holder) > HOLDER_LENGTH_MAX:
        raise ValueError(f"a sample seal's holder begins with 示例 and has at most {HOLDER_LENGTH_MAX} characters: {holder!r}")
    if not (folder / "ca").is_dir():
        _make_ca(folder)
    root = _read(folder / "ca" / "root.pem")
    issuing = _read(folder / "ca" / "issuing.pem")
    chain = (issuing.certificate, root.certificate)
    path = folder / f"seal-{sha256(holder.encode()).hexdigest()[:16]}.pem"
    if path.is_file():
        seal = _read(path)
        if seal.certificate.not_valid_before_utc <= at < seal.certificate.not_valid_after_utc - timedelta(days=RENEW_DAYS):
            return KeyAndChain(seal.key, seal.certificate, chain)
    fresh = _issue_seal(holder, issuing, at)
    _write(path, fresh)
    return KeyAndChain(fresh.key, fresh.certificate, chain)


def root_certificate(folder: Path) -> x509.Certificate:
    """The root that papers are checked against. Raises: FileNotFoundError before the first use."""
    return _read(folder / "ca" / "root.pem").certificate


def _make_ca(folder: Path) -> None:
    """Make root and issuing CA beside their place and move them there at once, so that two processes cannot mix theirs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix="ca-", dir=folder))  # mkdtemp makes it 0700
    root_key = ec.generate_private_key(ec.SECP384R1())
    root_name = _name("示例社会保险根证书 G1")
    root = _certificate(root_name, root_name, root_key.public_key(), root_key.public_key(), CA_FROM, CA_UNTIL, path_length=1)
    _write(beside / "root.pem", KeyAndChain(root_key, root.sign(root_key, hashes.SHA384())))
    key = ec.generate_private_key(ec.SECP256R1())
    issuing = _certificate(
        _name("示例社会保险签发证书 印章 CA1"), root_name, key.public_key(), root_key.public_key(), CA_FROM, CA_UNTIL, path_length=0
    )
    _write(beside / "issuing.pem", KeyAndChain(key, issuing.sign(root_key, hashes.SHA384())))
    try:
        beside.rename(folder / "ca")
    except OSError:
        shutil.rmtree(beside)
        if not (folder / "ca").is_dir():  # not another process's CA but a real failure
            raise


def _issue_seal(holder: str, issuing: KeyAndChain, at: datetime) -> KeyAndChain:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _certificate(
        _name(f"{holder} 业务专用章"),
        issuing.certificate.subject,
        key.public_key(),
        issuing.key.public_key(),
        at - timedelta(days=1),
        at + timedelta(days=SEAL_DAYS),
        path_length=None,
    ).add_extension(x509.ExtendedKeyUsage([_DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return KeyAndChain(key, builder.sign(issuing.key, hashes.SHA256()))


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "社会保险示例平台"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    valid_from: datetime,
    valid_until: datetime,
    *,
    path_length: int | None,
) -> x509.CertificateBuilder:
    """A certificate ready to be signed; path_length None makes one that signs documents, a number one that signs certificates."""
    is_ca = path_length is not None
    usage = x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=not is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_until)
        .add_extension(x509.BasicConstraints(is_ca, path_length), True)
        .add_extension(usage, True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False)
    )


def _write(path: Path, pair: KeyAndChain) -> None:
    """Key and certificate in one file, 0600 from the first byte, in place at once."""
    text = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pair.certificate.public_bytes(Encoding.PEM)
    descriptor, beside = tempfile.mkstemp(prefix="key-", dir=path.parent)  # mkstemp makes it 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    Path(beside).replace(path)


_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def _read(path: Path) -> KeyAndChain:
    text = path.read_bytes()
    key = load_pem_private_key(text, None)
    found = _CERTIFICATE.search(text)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or found is None:
        raise ValueError(f"{path.name} holds no key and certificate")
    return KeyAndChain(key, x509.load_pem_x509_certificate(found[0]))
