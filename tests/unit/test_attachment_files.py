"""Photos and scans are judged by their content and made harmless: what is kept is a picture and nothing beside it."""

import io

import pytest
from PIL import Image

from shebao.casework import pictures
from shebao.casework.pictures import FileRefused, PhotoLimits, clean_file_name, clean_material, clean_photo
from tests.pictures import bomb, exif_of_a_telephone, pdf, picture

LIMITS = PhotoLimits(295, 413, 640_000, 830_000)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P")]
)
def test_every_photo_is_written_anew_as_jpeg(kind: str, mode: str) -> None:
    cleaned = clean_photo(picture(kind=kind, mode=mode), LIMITS)
    kept = opened(cleaned.content)
    assert (kept.format, kept.mode, kept.size) == ("JPEG", "L" if mode == "L" else "RGB", (358, 441))
    assert (cleaned.media_type, cleaned.width, cleaned.height) == ("image/jpeg", 358, 441)


def test_nothing_of_telephone_or_place_is_kept_and_the_photo_stands_upright() -> None:
    lying = picture(441, 358, exif=exif_of_a_telephone(6))
    assert b"Secret model" in lying
    cleaned = clean_photo(lying, LIMITS)
    kept = opened(cleaned.content)
    assert b"Secret model" not in cleaned.content and not kept.getexif() and kept.size == (358, 441)


def test_bytes_hidden_behind_a_picture_are_not_kept() -> None:
    cleaned = clean_photo(picture() + b"<script>alert(1)</script>", LIMITS)
    assert b"script" not in cleaned.content


def test_a_transparent_ground_becomes_white() -> None:
    image = Image.new("RGBA", (358, 441), (0, 0, 0, 0))
    target = io.BytesIO()
    image.save(target, "PNG")
    assert opened(clean_photo(target.getvalue(), LIMITS).content).getpixel((5, 5)) == (255, 255, 255)


def test_a_large_photo_is_scaled_down() -> None:
    cleaned = clean_photo(picture(2500, 3500), LIMITS)
    assert (cleaned.width, cleaned.height) == (857, 1200)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", "ATT-01", "空的"),
        (b"\xff\xd8\xff" + b"x" * pictures.PHOTO_BYTES_MAX, "ATT-02", "最多 5 MB"),
        (b"GIF89a" + b"x" * 50, "ATT-03", "JPG 或 PNG"),
        (pdf(), "ATT-03", "JPG 或 PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "ATT-03", "JPG 或 PNG"),
        (picture()[:-400], "ATT-05", "已损坏"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 400, "ATT-05", "已损坏"),
        (b"\xff\xd8\xff" + b"\0" * 400, "ATT-05", "已损坏"),
        (bomb(50_000, 50_000), "ATT-06", "像素"),
        (bomb(5_001, 5_000), "ATT-06", "像素"),
        (picture(294, 413), "ATT-07", "294×413"),
        (picture(295, 412), "ATT-07", "295×412"),
        (picture(450, 441), "ATT-08", "比例"),
        (picture(300, 480), "ATT-08", "比例"),
    ],
)
def test_a_photo_that_does_not_fit_is_refused_with_what_to_do(content: bytes, code: str, said: str) -> None:
    with pytest.raises(FileRefused) as refused:
        clean_photo(content, LIMITS)
    assert refused.value.code == code and said in refused.value.text


@pytest.mark.parametrize("size", [(295, 413), (358, 441), (413, 590), (400, 482)])
def test_one_inch_photos_of_the_usual_sizes_pass_to_the_last_pixel(size: tuple[int, int]) -> None:
    assert clean_photo(picture(*size), LIMITS).width == size[0]


def test_a_pdf_is_kept_byte_for_byte() -> None:
    cleaned = clean_material(pdf())
    assert (cleaned.content, cleaned.media_type, cleaned.width) == (pdf(), "application/pdf", 0)


def test_a_scan_of_any_form_is_taken_and_large_ones_are_scaled_to_paper() -> None:
    assert clean_material(picture(200, 90)).width == 200
    scan = Image.new("L", (4960, 3508), 255)
    target = io.BytesIO()
    scan.save(target, "PNG")
    cleaned = clean_material(target.getvalue())
    assert (cleaned.width, cleaned.height) == (3600, 2546)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "ATT-01"),
        (pdf() + b" " * pictures.MATERIAL_BYTES_MAX, "ATT-02"),
        (b"PK\x03\x04 a workbook", "ATT-04"),
        (b"MZ\x90 a program named scan.pdf", "ATT-04"),
        (b" %PDF-1.4 not at the start", "ATT-04"),
        (pdf()[:-30], "ATT-05"),
        (bomb(30_000, 30_000), "ATT-06"),
        (pdf(encrypted=True), "ATT-09"),
    ],
)
def test_a_material_that_cannot_be_read_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        clean_material(content)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("劳动合同.PDF", "劳动合同.pdf"),
        ("C:\\Users\\me\\scan.png", "scan.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie x.pdf"),
        ("合同\u202egnp.exe", "合同gnp.pdf"),
        ("...", "文件.pdf"),
        ("长" * 200 + ".pdf", "长" * 76 + ".pdf"),
    ],
)
def test_a_file_name_cannot_deceive(given: str, kept: str) -> None:
    assert clean_file_name(given, "application/pdf") == kept
