"""验证码: the code on every sealed paper, and its QR.

16 characters of Crockford's base 32 (no I, L, O, U: nothing that looks like 1 or 0): 15 random ones (75 bits, so a code cannot be
guessed or counted through) and a check character that catches every single wrong character and every swap of two.
"""

import io
import secrets
import unicodedata

import segno

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 16
_TEXT_LENGTH_MAX = 64  # what a person may have typed around the code
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"} | dict.fromkeys(" \t\r\n-_‐‑‒–—－"))


def new_code() -> str:
    """A new code as stored: 16 characters, no hyphens. Show it with shown()."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH - 1))
    return body + _check_character(body)


def shown(code: str) -> str:
    """The code as people read it: 7F3K-9QXW-2M8T-D0V5."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def read_code(text: str) -> str | None:
    """Read what a person typed or scanned: lower case, spaces, hyphens, full width, O for 0 and I or L for 1 are all understood.

    Returns: the code as stored, or None when it cannot be one (wrong length, foreign characters, check character does not fit).
    """
    if len(text) > _TEXT_LENGTH_MAX:
        return None
    code = unicodedata.normalize("NFKC", text).upper().translate(_LOOK_ALIKES)
    if len(code) != CODE_LENGTH or not set(code) <= _VALUES.keys():
        return None
    return code if _check_character(code[:-1]) == code[-1] else None


def _check_character(body: str) -> str:
    # Horner's rule in GF(32) with x^5 + x^2 + 1: each place has its own power of a primitive element (order 31 > 16 places),
    # so one wrong character or two swapped ones always change the sum.
    total = 0
    for character in body:
        total ^= _VALUES[character]
        total <<= 1
        if total & 32:
            total ^= 0b100101
    return ALPHABET[total]


def verify_url(base_url: str, code: str) -> str:
    """Where a paper is checked: {base}/v/{code}."""
    return f"{base_url.rstrip('/')}/v/{code}"


def qr_svg(url: str) -> str:
    """The QR of a URL as SVG text, quiet zone included, error correction M (15 %), black on white."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False, light="white")
    return out.getvalue().decode()
