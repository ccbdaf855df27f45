"""Pictures and papers as people hand them in, and as people who mean harm make them."""

import io
import struct
import zlib

from PIL import Image, ImageDraw
from PIL.Image import Exif


def picture(
    width: int = 358, height: int = 441, kind: str = "JPEG", *, mode: str = "RGB", red: bool = True, exif: Exif | None = None
) -> bytes:
    """A photo of nobody: a head drawn on a red ground."""
    image = Image.new("RGB", (width, height), (190, 30, 35) if red else "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.3, height * 0.15, width * 0.7, height * 0.6), fill=(232, 200, 178))
    draw.rectangle((width * 0.15, height * 0.65, width * 0.85, height), fill=(40, 60, 90))
    target = io.BytesIO()
    more = {"exif": exif} if exif is not None else {}
    image.convert(mode).save(target, kind, **more)
    return target.getvalue()


def exif_of_a_telephone(orientation: int = 6) -> Exif:
    """Where and with what it was taken, and which side is up."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Telephone", "Secret model", orientation
    exif[0x8825] = {1: "N", 2: (30.0, 35.0, 0.0), 3: "E", 4: (114.0, 18.0, 0.0)}
    return exif


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is of that size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def pdf(text: str = "Employment contract", *, encrypted: bool = False) -> bytes:
    """A PDF of one page."""
    body = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    more = b" /Encrypt 6 0 R" if encrypted else b""
    return out + b"trailer\n<< /Size 6 /Root 1 0 R" + more + b" >>\nstartxref\n%d\n%%%%EOF\n" % start
