"""Which parts of an .xlsx hold its first sheet: the workbook's list of sheets, its relations and the mark in its properties."""

import posixpath
from dataclasses import dataclass
from xml.etree import ElementTree  # expat; the parts have been found free of DTDs and small

from shebao.surfaces.workbook.package import Package
from shebao.surfaces.workbook.refused import DAMAGED, UploadRefused
from shebao.surfaces.workbook.sheet import TemplateMark

PROPERTY_ITEM = "template_item"
PROPERTY_VERSION = "template_version"


@dataclass(slots=True)
class BookParts:
    """Names of the parts, and what the workbook says about its sheets."""

    sheet: str
    sheet_name: str
    strings: str | None
    styles: str | None
    other_sheets: list[tuple[str, bool]]  # name, hidden
    first_hidden: bool
    epoch_1904: bool


def book_parts(package: Package) -> BookParts:
    """Find the first sheet.

    Raises: UploadRefused UPL-05, UPL-27, UPL-28.
    """
    book_name = _book_name(package)
    book = _tree(package, book_name)
    relations = _relations(package, book_name)
    sheets = [element for element in book.iter() if _local(element.tag) == "sheet"]
    if not sheets:
        raise UploadRefused("UPL-05", DAMAGED)
    first = relations.get(_relation_id(sheets[0]))
    if first is None or not first[0].endswith("/worksheet"):
        raise UploadRefused("UPL-27", "第一个工作表不是普通表格，请把填写的数据放在第一个工作表")
    by_kind = {kind.rsplit("/", 1)[-1]: target for kind, target in relations.values()}
    properties = [element for element in book.iter() if _local(element.tag) == "workbookPr"]
    return BookParts(
        sheet=first[1],
        sheet_name=sheets[0].get("name", ""),
        strings=by_kind.get("sharedStrings"),
        styles=by_kind.get("styles"),
        other_sheets=[(sheet.get("name", ""), sheet.get("state", "visible") != "visible") for sheet in sheets[1:]],
        first_hidden=sheets[0].get("state", "visible") != "visible",
        epoch_1904=any(element.get("date1904") in ("1", "true") for element in properties),
    )


def mark_in_properties(package: Package) -> TemplateMark | None:
    """The mark in the custom properties, where the office program kept it."""
    if not package.has("docProps/custom.xml"):
        return None
    found = {}
    for element in _tree(package, "docProps/custom.xml"):
        found[element.get("name", "")] = "".join(element.itertext()).strip()
    version = found.get(PROPERTY_VERSION, "").split(".")[0]
    item = found.get(PROPERTY_ITEM, "")
    return TemplateMark(item, int(version)) if item and version.isascii() and version.isdigit() and len(version) < 7 else None


def _book_name(package: Package) -> str:
    targets = [target for kind, target in _relations(package, "").values() if kind.endswith("/officeDocument")]
    name = targets[0] if targets else "xl/workbook.xml"
    if name.endswith(".bin"):
        raise UploadRefused("UPL-28", "这是 .xlsb 格式，请另存为 .xlsx 后上传")
    if not package.has(name) or _local(_tree(package, name).tag) != "workbook":
        raise UploadRefused("UPL-28", "这个文件不是 .xlsx 表格，请用下载的模板填写，保存为 .xlsx 后上传")
    return name


def _relations(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """By id: kind and target of what a part refers to inside the package."""
    folder, name = posixpath.split(part)
    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    if not package.has(rels):
        return {}
    found = {}
    for element in _tree(package, rels):
        if element.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/" + folder, element.get("Target", ""))).lstrip("/")
            found[element.get("Id", "")] = (element.get("Type", ""), target)
    return found


def _tree(package: Package, name: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(package.read_small(name))  # noqa: S314  # small, and without a DTD
    except (ElementTree.ParseError, ValueError, LookupError):
        raise UploadRefused("UPL-05", DAMAGED) from None


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _relation_id(element: ElementTree.Element) -> str:
    return next((value for name, value in element.items() if name.endswith("}id")), "")
