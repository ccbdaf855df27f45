"""The Excel and CSV surface of an item: template out, upload in, error list and exports out."""

from shebao.surfaces.workbook.errors_file import error_workbook
from shebao.surfaces.workbook.export import ExportKind, export_csv, export_file, export_workbook
from shebao.surfaces.workbook.read import read_upload
from shebao.surfaces.workbook.refused import UPLOAD_CODES, UploadRefused
from shebao.surfaces.workbook.sheet import ROWS_MAX, Sheet, TemplateMark
from shebao.surfaces.workbook.template import make_template

__all__ = [
    "ROWS_MAX",
    "UPLOAD_CODES",
    "ExportKind",
    "Sheet",
    "TemplateMark",
    "UploadRefused",
    "error_workbook",
    "export_csv",
    "export_file",
    "export_workbook",
    "make_template",
    "read_upload",
]
