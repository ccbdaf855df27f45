"""The materials of a case as its pages list them."""

from shebao.casework.attachments import materials_of
from shebao.casework.item import ServiceItem
from shebao.casework.models import Attachment, Case, CaseState
from shebao.surfaces.form import attachment_url


def shown_materials(case: Case, item: ServiceItem, cases: str = "/u/cases") -> dict[str, object]:
    """Context of portal/materials.html: each material of the item with the scans handed in."""
    found = materials_of(case)
    return {
        "materials": [
            {"place": i, "name": name, "files": [_file(one) for one in found if one.name == name]} for i, name in enumerate(item.materials)
        ],
        "materials_open": case.state == CaseState.DRAFT,
        "materials_count": len(found),
        "materials_url": f"{cases}/{case.pk}/materials",
    }


def _file(one: Attachment) -> dict[str, object]:
    return {"id": one.pk, "url": attachment_url(one.pk), "name": one.file_name, "size": one.size, "at": one.at, "who": one.account_name}
