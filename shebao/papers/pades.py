"""The electronic seal: signing a paper so that any later change shows, and checking one.

PAdES baseline B-B (ETSI EN 319 142-1) with a certification signature that allows no changes (DocMDP level 1) and a visible seal. There is
no time-stamping authority in the sample, so the time of signing is the service's own word.
"""

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from shebao.papers.authority import KeyAndChain, root_certificate, seal_certificate
from shebao.papers.seal import HOLDER, SealKeys
from shebao.papers.seal_picture import SealContent
from shebao.papers.typeset import SealAt

Result = TypeVar("Result")

SEAL_POINTS = 38 * 72 / 25.4  # 38 mm across
_CMS_HEX_DIGITS = 8192  # room for the signature: known beforehand, so that pyHanko need not sign twice to measure it
CHECK_BYTES_MAX = 30 * 1024 * 1024
_FIELD = "Seal"
_SIGNING = threading.Lock()  # the signer parses its certificates lazily and is not made for threads


@dataclass(frozen=True, slots=True)
class SealCheck:
    """What a seal proves.

    valid: everything below holds and the certificate comes from our root. intact: the signed bytes are unchanged.
    covers_whole_file: nothing was added after signing. signer: the certificate's common name. signed_at: as the signer says.
    """

    valid: bool
    intact: bool
    covers_whole_file: bool
    signer: str | None
    signed_at: datetime | None


NOT_SEALED = SealCheck(valid=False, intact=False, covers_whole_file=False, signer=None, signed_at=None)


def open_keys(folder: Path, *, at: datetime, holder: str = HOLDER) -> SealKeys:
    """Open the seal of a holder, making CA, key and certificate on first use. A certificate about to end is renewed here.

    Args: folder: private to the service, see authority.py. at: now, with zone. holder: 示例…, at most 14 characters.
    """
    seal = seal_certificate(folder, holder, at)
    root = asn1_x509.Certificate.load(root_certificate(folder).public_bytes(Encoding.DER))
    return SealKeys(holder, _signer(seal), root)


def _signer(seal: KeyAndChain) -> signers.SimpleSigner:
    chain = [asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER)) for certificate in seal.above]
    return signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(seal.certificate.public_bytes(Encoding.DER)),
        signing_key=asn1_keys.PrivateKeyInfo.load(seal.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        cert_registry=SimpleCertificateStore.from_certs(chain),  # type: ignore[no-untyped-call]
        embed_roots=False,
    )


class _DatedSigner(signers.PdfSigner):
    """Signs at the instant given, not at the machine's."""

    at: datetime

    def init_signing_session(self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.at
        return session


def sign(pdf: bytes, seal_at: SealAt, *, reason: str, at: datetime, keys: SealKeys) -> bytes:
    """Seal a paper.

    Args: seal_at: the middle of the seal, from typeset. reason: shown by PDF readers, such as the paper's title. at: time of signing.
    Returns: the sealed PDF; the unsealed one is its unchanged beginning.
    """
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=True)
    x, y = seal_at.x, _page_height(writer, seal_at.page - 1) - seal_at.y
    half = SEAL_POINTS / 2
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    signer = _DatedSigner(
        signers.PdfSignatureMetadata(
            field_name=_FIELD,
            md_algorithm="sha256",
            reason=reason,
            location="武汉",
            name=f"{keys.holder} 业务专用章",
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
            subfilter=fields.SigSeedSubFilter.PADES,
        ),
        signer=keys.signer,
        stamp_style=_stamp(keys.holder),
        new_field_spec=fields.SigFieldSpec(_FIELD, on_page=seal_at.page - 1, box=box, readable_field_name="电子印章（示例）"),
    )
    signer.at = at
    out = io.BytesIO()
    with _SIGNING:
        _without_loop(lambda: signer.sign_pdf(writer, output=out, bytes_reserved=_CMS_HEX_DIGITS))
    return out.getvalue()


def _without_loop(act: Callable[[], Result]) -> Result:
    """pyHanko opens an event loop of its own, which a thread that runs one already refuses: there it gets another thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return act()
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(act).result()


def _stamp(holder: str) -> StaticStampStyle:
    """The visible seal. Made anew for each paper: pyHanko's content belongs to one writer."""
    no_margins = Margins.uniform(0)  # type: ignore[no-untyped-call]
    return StaticStampStyle(
        border_width=0,
        background=SealContent(holder),
        background_layout=SimpleBoxLayoutRule(AxisAlignment.ALIGN_MID, AxisAlignment.ALIGN_MID, margins=no_margins),
        background_opacity=1.0,
    )


def _page_height(writer: IncrementalPdfFileWriter, page: int) -> float:
    reference, _ = writer.find_page_for_modification(page)  # type: ignore[no-untyped-call]
    entry = reference.get_object()
    while pdf_name("/MediaBox") not in entry and "/Parent" in entry:
        entry = entry["/Parent"]
    return float(entry["/MediaBox"][3])


def check(pdf: bytes, keys: SealKeys) -> SealCheck:
    """Check a paper's seal against our root. Never raises for what the file may hold: a file that cannot be read is not sealed.

    The certificate is judged at the time of signing that the signature itself names (no time-stamping authority in the sample).
    """
    if len(pdf) > CHECK_BYTES_MAX:
        return NOT_SEALED
    try:
        return _check(pdf, keys)
    except Exception:  # noqa: BLE001 - a damaged file may break the reader in any way; all of them mean: no valid seal
        return NOT_SEALED


def _check(pdf: bytes, keys: SealKeys) -> SealCheck:
    signatures = PdfFileReader(io.BytesIO(pdf), strict=True).embedded_signatures
    if len(signatures) != 1:
        return NOT_SEALED
    signed_at = signatures[0].self_reported_timestamp
    context = ValidationContext(trust_roots=[keys.root], allow_fetching=False, moment=signed_at, best_signature_time=signed_at)
    status = _without_loop(lambda: validate_pdf_signature(signatures[0], context))
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    return SealCheck(
        valid=bool(status.bottom_line) and whole and signatures[0].field_name == _FIELD,
        intact=bool(status.intact),
        covers_whole_file=whole,
        signer=status.signing_cert.subject.native.get("common_name"),
        signed_at=signed_at,
    )
