"""Files that people hand in, judged by their content and made harmless: photos and scans are decoded and written anew as JPEG without
metadata; a PDF is kept as it is, because a signed or sealed paper must not change."""

import io
import re
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from shebao.base.errors import ShebaoError

MIB = 2**20
PHOTO_BYTES_MAX = 5 * MIB
MATERIAL_BYTES_MAX = 10 * MIB
PHOTO_PIXELS_MAX = 25_000_000  # what a telephone takes; decoded it is 75 MB
MATERIAL_PIXELS_MAX = 40_000_000  # A4 at 600 dpi is 35 million
PHOTO_SIDE_MAX = 1_200  # larger ones are scaled down before they are kept
MATERIAL_SIDE_MAX = 3_600  # A4 at 300 dpi is 2480 x 3508
FILE_NAME_MAX = 80
JPEG, PNG, PDF = "image/jpeg", "image/png", "application/pdf"
ENDINGS = {JPEG: ".jpg", PDF: ".pdf"}
_HEADS = ((b"\xff\xd8\xff", JPEG), (b"\x89PNG\r\n\x1a\n", PNG), (b"%PDF-", PDF))
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff<>:\"/\\|?*]")


class FileRefused(ShebaoError):
    """A file that is not taken. `code` says why."""

    status = 422

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """What an identity photo has to be like; pixels, and width over height in parts per million."""

    width_min: int
    height_min: int
    ratio_min_ppm: int
    ratio_max_ppm: int


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A file as it is kept. width and height are 0 for a PDF."""

    content: bytes
    media_type: str
    width: int = 0
    height: int = 0


def clean_photo(content: bytes, limits: PhotoLimits) -> Cleaned:
    """An identity photo, upright, without metadata, as JPEG.

    Raises: FileRefused ATT-01 empty, ATT-02 too large, ATT-03 neither JPEG nor PNG, ATT-05 damaged, ATT-06 too many pixels,
    ATT-07 too small, ATT-08 not of the form of a one-inch photo.
    """
    _check_size(content, PHOTO_BYTES_MAX, "相片")
    if media_type(content) not in (JPEG, PNG):
        raise FileRefused("ATT-03", "相片只收 JPG 或 PNG 格式；这个文件不是（只改扩展名不行），请用手机或看图软件另存为 JPG 后上传")
    picture = _decoded(content, PHOTO_PIXELS_MAX, "相片")
    width, height = picture.size
    if width < limits.width_min or height < limits.height_min:
        least = f"{limits.width_min}×{limits.height_min}"
        raise FileRefused("ATT-07", f"相片只有 {width}×{height} 像素，印在卡上会模糊；至少要 {least} 像素，请换一张清晰的一寸相片")
    if not limits.ratio_min_ppm <= width * 1_000_000 // height <= limits.ratio_max_ppm:
        raise FileRefused("ATT-08", f"相片是 {width}×{height} 像素，不是一寸相片的比例（宽约为高的七成）；请裁剪成一寸头像后上传")
    return _as_jpeg(picture, PHOTO_SIDE_MAX)


def clean_material(content: bytes) -> Cleaned:
    """A scanned material: a PDF as it is, a picture written anew.

    Raises: FileRefused ATT-01, ATT-02, ATT-04 neither PDF, JPEG nor PNG, ATT-05, ATT-06, ATT-09 PDF with a password.
    """
    _check_size(content, MATERIAL_BYTES_MAX, "资料")
    kind = media_type(content)
    if kind == PDF:
        _check_pdf(content)
        return Cleaned(content, PDF)
    if kind is None:
        raise FileRefused("ATT-04", "资料只收 PDF、JPG 或 PNG 格式；这个文件不是（只改扩展名不行），请扫描或另存为 PDF、JPG 后上传")
    return _as_jpeg(_decoded(content, MATERIAL_PIXELS_MAX, "资料"), MATERIAL_SIDE_MAX)


def media_type(content: bytes) -> str | None:
    """The type that the first bytes tell, whatever the file is called."""
    return next((kind for head, kind in _HEADS if content.startswith(head)), None)


def clean_file_name(name: str, kind: str) -> str:
    """The last part of a file's name without what could deceive or break a header, with the ending of its content."""
    plain = _NOT_IN_NAMES.sub("", re.split(r"[/\\]", name)[-1]).strip(" .")
    stem = plain.rpartition(".")[0] or plain
    return (stem.strip(" .")[: FILE_NAME_MAX - 4] or "文件") + ENDINGS[kind]


def _check_size(content: bytes, most: int, what: str) -> None:
    if not content:
        raise FileRefused("ATT-01", f"{what}文件是空的，请重新选择")
    if len(content) > most:
        raise FileRefused("ATT-02", f"{what}文件有 {len(content) / MIB:.1f} MB，最多 {most // MIB} MB；请压缩或降低分辨率后上传")


def _decoded(content: bytes, pixels_max: int, what: str) -> Image.Image:
    """The first picture of a file, decoded whole. Its size is looked at before anything is unpacked."""
    broken = FileRefused("ATT-05", f"{what}文件已损坏，打不开；请在电脑上确认能打开后重新上传")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours, just below
            picture = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
            if picture.width * picture.height > pixels_max:
                most = f"{pixels_max // 10_000:,} 万"
                raise FileRefused("ATT-06", f"{what}有 {picture.width}×{picture.height} 像素，最多 {most}像素；请缩小后上传")
            picture.load()
            upright = ImageOps.exif_transpose(picture)
    except FileRefused:
        raise
    except Image.DecompressionBombError:
        raise FileRefused("ATT-06", f"{what}的像素过多；请缩小后上传") from None
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, ArithmeticError, MemoryError):
        raise broken from None  # whatever a decoder stumbles over in a file somebody made
    return _flat(upright)


def _flat(picture: Image.Image) -> Image.Image:
    """Colours or greys, what is transparent on white."""
    if picture.mode in ("RGB", "L"):
        return picture
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        over = picture.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return picture.convert("RGB")


def _as_jpeg(picture: Image.Image, side_max: int) -> Cleaned:
    picture.thumbnail((side_max, side_max), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    bare = Image.frombytes(picture.mode, picture.size, picture.tobytes())  # the pixels and nothing that was written beside them
    bare.save(target, "JPEG", quality=88, optimize=True)
    return Cleaned(target.getvalue(), JPEG, picture.width, picture.height)


def _check_pdf(content: bytes) -> None:
    if b"%%EOF" not in content[-2048:] or b"startxref" not in content[-4096:]:
        raise FileRefused("ATT-05", "资料文件已损坏，打不开；请在电脑上确认能打开后重新上传")
    if b"/Encrypt" in content:
        raise FileRefused("ATT-09", "这个 PDF 设了密码或权限，审核人员打不开；请去掉密码，或打印成新的 PDF 后上传")
