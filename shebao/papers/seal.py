"""Whose seal it is, and its keys, kept for a day. pyHanko, which signs and checks (pades.py), is loaded by who seals only: it takes a
quarter of the time in which a process starts."""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from shebao.base.clock import ZONE

if TYPE_CHECKING:
    from asn1crypto import x509 as asn1_x509
    from pyhanko.sign import signers

HOLDER = "示例社会保险经办机构"


@dataclass(frozen=True, slots=True)
class SealKeys:
    """What signing and checking need: see keys_of_day."""

    holder: str
    signer: "signers.SimpleSigner"
    root: "asn1_x509.Certificate"


def keys_of_day(folder: Path, *, at: datetime, holder: str = HOLDER) -> SealKeys:
    """open_keys, done once a day and kept: what a server calls for every paper."""
    return _keys_of_day(folder, holder, at.astimezone(ZONE).date())


@lru_cache(maxsize=16)
def _keys_of_day(folder: Path, holder: str, day: date) -> SealKeys:
    from shebao.papers.pades import open_keys

    return open_keys(folder, at=datetime.combine(day, time.min, ZONE), holder=holder)
