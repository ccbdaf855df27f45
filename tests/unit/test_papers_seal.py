"""The electronic seal: sealed papers verify, changed ones do not, and keys stay private."""

import io
import random
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest

from shebao.papers import samples
from shebao.papers.authority import RENEW_DAYS, SEAL_DAYS, root_certificate, seal_certificate
from shebao.papers.pades import NOT_SEALED, check, open_keys, sign
from shebao.papers.seal import HOLDER, SealKeys, keys_of_day
from shebao.papers.seal_picture import seal_mask
from shebao.papers.typeset import Typeset, typeset


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SealKeys:
    return open_keys(tmp_path_factory.mktemp("keys") / "seal", at=samples.AT)


@pytest.fixture(scope="module")
def paper() -> Typeset:
    return typeset("insurance_certificate", samples.insurance_certificate(2, 3))


def seal(paper: Typeset, keys: SealKeys) -> bytes:
    assert paper.seal_at is not None
    return sign(paper.pdf, paper.seal_at, reason="社会保险参保证明", at=samples.AT, keys=keys)


@pytest.fixture(scope="module")
def sealed(paper: Typeset, keys: SealKeys) -> bytes:
    return seal(paper, keys)


def test_a_sealed_paper_is_valid_and_says_who_and_when(sealed: bytes, keys: SealKeys) -> None:
    checked = check(sealed, keys)
    assert checked.valid and checked.intact and checked.covers_whole_file
    assert checked.signer == f"{HOLDER} 业务专用章"
    assert checked.signed_at == samples.AT


def test_the_seal_only_adds_to_the_paper(sealed: bytes, paper: Typeset) -> None:
    assert sealed.startswith(paper.pdf)
    assert len(sealed) - len(paper.pdf) < 60_000


def test_any_flipped_byte_makes_the_seal_invalid(sealed: bytes, keys: SealKeys) -> None:
    start, length, second, rest = pypdf.PdfReader(io.BytesIO(sealed)).get_fields()["Seal"]["/V"]["/ByteRange"]  # type: ignore[index]
    signed = [*range(start, start + length), *range(second, second + rest)]
    assert start == 0 and second + rest == len(sealed) and len(sealed) - len(signed) < 10_000  # all but the signature itself
    for place in [*random.Random(7).sample(signed, 60), signed[0], signed[-1], length - 1, second]:
        changed = bytearray(sealed)
        changed[place] ^= 1
        assert not check(bytes(changed), keys).valid, place


def test_anything_added_after_signing_makes_the_seal_invalid(sealed: bytes, keys: SealKeys) -> None:
    writer = pypdf.PdfWriter(io.BytesIO(sealed), incremental=True)
    writer.add_blank_page(100, 100)
    out = io.BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(sealed)
    assert not check(out.getvalue(), keys).valid
    assert not check(sealed + b"\n%more", keys).covers_whole_file


def test_what_was_never_sealed_is_not_valid(paper: Typeset, keys: SealKeys) -> None:
    for file in (paper.pdf, b"", b"%PDF-1.7", b"PK\x03\x04", b"\x00" * 1000, paper.pdf[:-500]):
        assert check(file, keys) == NOT_SEALED


def test_another_ca_of_the_same_name_is_not_trusted(sealed: bytes, tmp_path: Path) -> None:
    stranger = open_keys(tmp_path / "seal", at=samples.AT)
    checked = check(sealed, stranger)
    assert checked.intact and not checked.valid


def test_threads_may_seal_at_the_same_time(paper: Typeset, keys: SealKeys) -> None:
    with ThreadPoolExecutor(4) as pool:
        for signed in pool.map(lambda _: seal(paper, keys), range(12)):
            assert check(signed, keys).valid


def test_keys_are_opened_once_a_day(tmp_path: Path) -> None:
    morning = keys_of_day(tmp_path, at=samples.AT)
    assert keys_of_day(tmp_path, at=samples.AT + timedelta(hours=5)) is morning
    assert keys_of_day(tmp_path, at=samples.AT + timedelta(days=1)) is not morning


def test_every_kind_of_paper_can_be_sealed_where_its_layout_says(keys: SealKeys) -> None:
    for kind, data in samples.SAMPLES.values():
        set_paper = typeset(kind.value, data)
        if set_paper.seal_at is None:
            continue
        signed = seal(set_paper, keys)
        assert check(signed, keys).valid
        page = pypdf.PdfReader(io.BytesIO(signed)).pages[set_paper.seal_at.page - 1]
        annotations: Any = page["/Annots"]
        box = annotations[0].get_object()["/Rect"]
        assert (float(box[0]) + float(box[2])) / 2 == pytest.approx(set_paper.seal_at.x, abs=1)
        assert (float(box[1]) + float(box[3])) / 2 == pytest.approx(float(page.mediabox.height) - set_paper.seal_at.y, abs=1)


def test_poppler_finds_the_signature_valid(sealed: bytes, tmp_path: Path) -> None:
    if not shutil.which("pdfsig"):
        return
    (tmp_path / "paper.pdf").write_bytes(sealed)
    report = subprocess.run(["pdfsig", "paper.pdf"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in report and "Total document signed" in report and "ETSI.CAdES.detached" in report


def test_keys_are_private_to_the_service(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "seal"
    open_keys(folder, at=samples.AT)
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_opening_again_uses_the_same_keys(tmp_path: Path) -> None:
    first = seal_certificate(tmp_path, HOLDER, samples.AT)
    again = seal_certificate(tmp_path, HOLDER, samples.AT + timedelta(days=100))
    assert first.certificate == again.certificate


def test_processes_that_start_together_end_up_with_one_ca(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        chains = list(pool.map(lambda _: seal_certificate(tmp_path, HOLDER, samples.AT).above[-1], range(8)))
    assert set(chains) == {root_certificate(tmp_path)}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("ca-", "key-"))] == []


def test_a_seal_certificate_is_renewed_before_it_ends_and_old_papers_stay_valid(tmp_path: Path, paper: Typeset) -> None:
    old = open_keys(tmp_path, at=samples.AT)
    first = seal_certificate(tmp_path, HOLDER, samples.AT).certificate
    signed = seal(paper, old)
    later = samples.AT + timedelta(days=SEAL_DAYS - RENEW_DAYS + 1)
    new = open_keys(tmp_path, at=later)
    assert seal_certificate(tmp_path, HOLDER, later).certificate != first
    assert check(signed, new).valid
    assert paper.seal_at is not None
    assert check(sign(paper.pdf, paper.seal_at, reason="x", at=later, keys=new), old).valid


def test_a_seal_used_outside_its_certificates_time_is_not_valid(paper: Typeset, keys: SealKeys) -> None:
    assert paper.seal_at is not None
    late = sign(paper.pdf, paper.seal_at, reason="x", at=samples.AT + timedelta(days=SEAL_DAYS + 1), keys=keys)
    checked = check(late, keys)
    assert checked.intact and not checked.valid


def test_every_seal_says_that_it_is_a_sample(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="示例"):
        seal_certificate(tmp_path, "武汉市社会保险经办机构", samples.AT)
    with pytest.raises(ValueError, match="at most"):
        seal_certificate(tmp_path, "示例" + "长" * 20, samples.AT)


def test_the_picture_leaves_its_corners_free_and_differs_by_holder() -> None:
    mask = seal_mask(HOLDER)
    assert mask.getpixel((0, 0)) == 0 and max(mask.tobytes()) > 200
    assert seal_mask("示例社保机构甲").tobytes() != seal_mask("示例社保机构乙").tobytes()
