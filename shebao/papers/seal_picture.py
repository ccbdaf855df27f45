"""The picture of the electronic seal: a red ring, the holder's words around it, a star, 业务专用章, and 示例 across its foot."""

import math
from functools import cache
from zlib import compress

import pylopdf_fonts_zh_cn
from PIL import Image, ImageDraw, ImageFont
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import PdfContent, ResourceType
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.layout import BoxConstraints

PIXELS = 480  # at 38 mm 320 dots an inch
INK = (176, 28, 34)  # 印泥红
OPACITY = 217  # of 255: what lies under the seal stays readable
_OVERSAMPLING = 2
_ARC_DEGREES_MAX = 250


@cache
def seal_mask(holder: str) -> Image.Image:
    """Where the ink is: greyscale, PIXELS square, 0 = none, OPACITY = full."""
    size = PIXELS * _OVERSAMPLING
    mask = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(mask)
    edge = size // 50
    draw.ellipse((edge, edge, size - edge, size - edge), outline=255, width=size // 34)
    _draw_arc(mask, holder, size)
    _draw_star(draw, size)
    _draw_line(draw, "业务专用章", size // 2, round(size * 0.705), size // 13)
    _draw_line(draw, "示例", size // 2, round(size * 0.82), size // 15)
    return mask.resize((PIXELS, PIXELS), Image.Resampling.LANCZOS).point([value * OPACITY // 255 for value in range(256)])


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(pylopdf_fonts_zh_cn.serif_path()), size)


def _draw_line(draw: ImageDraw.ImageDraw, text: str, x: int, y: int, size: int) -> None:
    # The package has no bold; a stroke of its own colour thickens the letters.
    draw.text((x, y), text, font=_font(size), fill=255, anchor="mm", stroke_width=size // 34, stroke_fill=255)


def _draw_arc(mask: Image.Image, text: str, size: int) -> None:
    """Letters standing on a circle, upright at the top."""
    letter, radius = size // 9, size * 0.385
    step = min(26.0, _ARC_DEGREES_MAX / max(len(text) - 1, 1))
    font, box = _font(letter), letter * 3 // 2
    for i, character in enumerate(text):
        degrees = -90 + (i - (len(text) - 1) / 2) * step
        tile = Image.new("L", (box, box), 0)
        ImageDraw.Draw(tile).text(
            (box / 2, box / 2), character, font=font, fill=255, anchor="mm", stroke_width=letter // 34, stroke_fill=255
        )
        tile = tile.rotate(-degrees - 90, resample=Image.Resampling.BICUBIC)
        x = size / 2 + radius * math.cos(math.radians(degrees)) - box / 2
        y = size / 2 + radius * math.sin(math.radians(degrees)) - box / 2
        mask.paste(255, (round(x), round(y)), tile)


def _draw_star(draw: ImageDraw.ImageDraw, size: int) -> None:
    points = []
    for k in range(10):
        radius = size * (0.15 if k % 2 == 0 else 0.0573)
        angle = math.radians(-90 + 36 * k)
        points.append((size / 2 + radius * math.cos(angle), size * 0.49 + radius * math.sin(angle)))
    draw.polygon(points, fill=255)


class SealContent(PdfContent):
    """The picture for pyHanko: one pixel of ink under a soft mask, compressed once and copied into every paper."""

    def __init__(self, holder: str) -> None:
        super().__init__(box=BoxConstraints(PIXELS, PIXELS))
        self._mask = _compressed_mask(holder)

    def render(self) -> bytes:
        """Draw the picture into the box and register it with the page's resources."""
        assert self.writer is not None
        mask = self.writer.add_object(_image(PIXELS, "/DeviceGray", self._mask, compressed=True))
        ink = _image(1, "/DeviceRGB", bytes(INK), compressed=False)
        ink[pdf_name("/SMask")] = mask
        self.set_resource(ResourceType.XOBJECT, pdf_name("/Seal"), self.writer.add_object(ink))
        return b"%d 0 0 %d 0 0 cm /Seal Do" % (PIXELS, PIXELS)


@cache
def _compressed_mask(holder: str) -> bytes:
    return compress(seal_mask(holder).tobytes(), 9)


def _image(pixels: int, colours: str, data: bytes, *, compressed: bool) -> generic.StreamObject:
    side = generic.NumberObject(pixels)  # type: ignore[no-untyped-call]
    entries = {
        pdf_name("/Type"): pdf_name("/XObject"),
        pdf_name("/Subtype"): pdf_name("/Image"),
        pdf_name("/Width"): side,
        pdf_name("/Height"): side,
        pdf_name("/ColorSpace"): pdf_name(colours),
        pdf_name("/BitsPerComponent"): generic.NumberObject(8),  # type: ignore[no-untyped-call]
    }
    if compressed:
        return generic.StreamObject({**entries, pdf_name("/Filter"): pdf_name("/FlateDecode")}, encoded_data=data)
    return generic.StreamObject(entries, stream_data=data)
