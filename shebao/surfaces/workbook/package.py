"""The zip container of an .xlsx, judged by its directory before anything is unpacked, and read only within what it declared.

What is checked is what is read: the few parts that hold the first sheet are unpacked here, checked, and packed again for the parser,
so that a parser that understands a hostile container differently never sees it.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping

from shebao.surfaces.workbook.refused import DAMAGED, UploadRefused

ENTRIES_MAX = 500
RATIO_MAX = 100  # unpacked : packed, looked at above RATIO_FROM_BYTES only; real sheets stay below 30
RATIO_FROM_BYTES = 16 * 2**20
SMALL_PART_MAX_BYTES = 2**20

_MACROS = re.compile(r"vbaProject|vbaData|xl/macrosheets/", re.IGNORECASE)
_EXTERNAL = re.compile(r"xl/(externalLinks/|connections\.xml|queryTables/)", re.IGNORECASE)
_EMBEDDED = re.compile(r"xl/(embeddings/|activeX/)", re.IGNORECASE)
_ODD_NAME = re.compile(r"\.\./|\.\.\\|\A[/\\]|[\x00-\x1f:]")


class Package:
    """An .xlsx container whose directory passed.

    Raises: UploadRefused when made, for whatever the directory shows; and when read, for whatever a part shows.
    """

    def __init__(self, content: bytes, unpacked_max_bytes: int) -> None:
        self._content = content
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError, EOFError):
            raise UploadRefused("UPL-05", DAMAGED) from None
        _check_directory(infos, len(content), unpacked_max_bytes)
        self._infos = {info.filename.lstrip("/").lower(): info for info in infos}

    def has(self, name: str) -> bool:
        """Whether the part is there; part names do not mind case."""
        return name.lower() in self._infos

    def names(self) -> list[str]:
        """All part names, in lower case."""
        return list(self._infos)

    def read(self, name: str) -> bytes:
        """One XML part, unpacked to exactly its declared size and its checksum, with no DTD in it.

        Raises: UploadRefused UPL-05, UPL-08, UPL-13, UPL-32.
        """
        info = self._infos.get(name.lower())
        if info is None:
            raise UploadRefused("UPL-05", DAMAGED)
        xml = self._unpacked(info)
        _check_xml(xml)
        return xml

    def read_small(self, name: str) -> bytes:
        """A part that is small in every honest file. Raises: UploadRefused UPL-07 when it is not."""
        info = self._infos.get(name.lower())
        if info is not None and info.file_size > SMALL_PART_MAX_BYTES:
            raise UploadRefused("UPL-07", "文件内部结构不正常，请把数据粘贴到重新下载的模板后上传")
        return self.read(name)

    def _unpacked(self, info: zipfile.ZipInfo) -> bytes:
        head = self._content[info.header_offset : info.header_offset + 30]
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise UploadRefused("UPL-05", DAMAGED)
        name_length, extra_length = struct.unpack("<HH", head[26:30])
        start = info.header_offset + 30 + name_length + extra_length
        packed = memoryview(self._content)[start : start + info.compress_size]
        if len(packed) != info.compress_size:
            raise UploadRefused("UPL-05", DAMAGED)
        if info.compress_type == zipfile.ZIP_STORED:
            data = bytes(packed)
        else:
            stream = zlib.decompressobj(-15)
            try:
                data = stream.decompress(packed, info.file_size + 1)
            except zlib.error:
                raise UploadRefused("UPL-05", DAMAGED) from None
        if len(data) > info.file_size:
            raise UploadRefused("UPL-13", "文件内部登记的大小与实际不符，可能被改动过，请用表格软件另存为 .xlsx 后重新上传")
        if len(data) < info.file_size or zlib.crc32(data) != info.CRC:
            raise UploadRefused("UPL-05", DAMAGED)
        return data


def _check_directory(infos: list[zipfile.ZipInfo], packed_bytes: int, unpacked_max_bytes: int) -> None:
    names = [info.filename for info in infos]
    lower = [name.lower() for name in names]
    if len(infos) > ENTRIES_MAX or len(set(lower)) != len(lower) or any(_ODD_NAME.search(name) for name in names):
        raise UploadRefused("UPL-07", "文件内部结构不正常，请把数据粘贴到重新下载的模板后上传")
    if any(info.flag_bits & 1 for info in infos):
        raise UploadRefused("UPL-12", "文件设有密码，请先在表格软件里取消密码再上传")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > unpacked_max_bytes or (unpacked > RATIO_FROM_BYTES and unpacked > RATIO_MAX * packed_bytes):
        raise UploadRefused(
            "UPL-06", f"文件解压后有 {unpacked // 2**20} 兆，超过上限；请删除多余的空行、格式和工作表，或拆成几个文件后上传"
        )
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
        raise UploadRefused("UPL-07", "文件内部结构不正常，请把数据粘贴到重新下载的模板后上传")
    for code, pattern, text in (
        ("UPL-09", _MACROS, "文件带有宏，请另存为不含宏的 .xlsx 后上传"),
        ("UPL-10", _EXTERNAL, "文件引用了其他文件或外部数据，请在“数据”菜单断开链接，或把数据只粘贴值到重新下载的模板后上传"),
        ("UPL-11", _EMBEDDED, "文件里嵌入了其他对象，请删除后上传，或把数据粘贴到重新下载的模板"),
    ):
        if any(pattern.search(name) for name in names):
            raise UploadRefused(code, text)


_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)


def _check_xml(xml: bytes) -> None:
    """No DTD (it could hold entities; it stands before the root element or nowhere), and UTF-8 without NUL."""
    prolog = _PROLOG.match(xml)
    root = xml[prolog.end() : prolog.end() + 2] if prolog else b""
    if root == b"<!":
        raise UploadRefused("UPL-08", "文件带有 DTD 或实体声明，可能有安全风险，请用表格软件另存为 .xlsx 后上传")
    if b"\0" in xml:  # UTF-16 too
        raise UploadRefused("UPL-32", "文件里有空字符（NUL），请把数据粘贴到重新下载的模板后上传")
    if not root.startswith(b"<"):
        raise UploadRefused("UPL-05", DAMAGED)


def stored(parts: Mapping[str, bytes]) -> bytes:
    """A zip file of parts without compression: one copy, no second look at what was already checked."""
    pieces: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, data in parts.items():
        encoded = name.encode()
        common = struct.pack("<HHHHHLLLHH", 20, 0, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(encoded), 0)
        pieces += [b"PK\x03\x04", common, encoded, data]
        directory.append(b"PK\x01\x02\x14\x00" + common + struct.pack("<HHHLL", 0, 0, 0, 0, offset) + encoded)
        offset += 30 + len(encoded) + len(data)
    index = b"".join(directory)
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, len(parts), len(parts), len(index), offset, 0)
    return b"".join([*pieces, index, end])
