"""附件: photos of fields and scanned materials, from being handed in to belonging to a case; and questions about them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4, uuid5

from django.db import connection
from django.db.models import Q

from shebao.base.actor import current
from shebao.base.errors import Refusal, RefusedError, ShebaoError
from shebao.casework.cases import WrongStateError, locked, moved, note
from shebao.casework.cells import Kind
from shebao.casework.fields import Field, Value
from shebao.casework.item import Context, ServiceItem, item_of
from shebao.casework.models import Attachment, AttachmentKind, Case, CaseState, Channel
from shebao.casework.pictures import Cleaned, FileRefused, PhotoLimits, clean_file_name, clean_material, clean_photo
from shebao.policy.rulebook import standard

MATERIALS_MAX = 40  # of one case
KEPT_UNFILED = timedelta(days=1)
PHOTO_RULE = "photo.one_inch"


class NoSuchAttachmentError(ShebaoError):
    """Absent, emptied, or not the actor's to see: the same answer."""

    code = "ATT-10"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这份附件，它可能已被删除，或者不属于您所在的单位")


def photo_limits(context: Context) -> PhotoLimits:
    """What an identity photo has to be like here and now. Raises: policy.RuleMissing."""
    rule = standard().rule(PHOTO_RULE, context.on, context.place).value
    return PhotoLimits(rule.width_min_px, rule.height_min_px, rule.ratio_min_ppm, rule.ratio_max_ppm)


def photo_fields(item: ServiceItem) -> list[Field]:
    """The fields of an item that hold a photo."""
    return [f for f in item.fields if f.kind is Kind.PHOTO]


# --- handing in ---


def store_photo(context: Context, field: Field, file_name: str, content: bytes, *, key: UUID | None = None) -> UUID:
    """Keep a photo for a field that is about to be filed; its id becomes the value of the field.

    Args: key: the form's submission key; the same form sent twice with the same photo gives the same id.
    Raises: FileRefused.
    """
    cleaned = clean_photo(content, photo_limits(context))
    wanted = uuid5(key, f"{field.name}:{sha256(content).hexdigest()}") if key else uuid4()
    _store(wanted, context, None, AttachmentKind.PHOTO, field.name, file_name, cleaned)
    return wanted


def store_material(case_id: int, context: Context, material: str, file_name: str, content: bytes) -> UUID:
    """Keep a scan of one of the item's materials with a case that is not submitted, or was returned.

    Raises: NoSuchCaseError, WrongStateError, FileRefused (ATT-11 not a material of the item, ATT-12 too many).
    """
    case = _open(case_id, context)
    if material not in item_of(case.item_code, case.item_version).materials:
        raise FileRefused("ATT-11", "这个事项没有这项资料，请从页面列出的资料中选择")
    if Attachment.objects.filter(case=case, kind=AttachmentKind.MATERIAL, withdrawn_at=None).count() >= MATERIALS_MAX:
        raise FileRefused("ATT-12", f"一个办件最多上传 {MATERIALS_MAX} 份资料；请合并成一个 PDF 后上传")
    cleaned = clean_material(content)
    wanted = uuid5(UUID(int=case.pk), f"{material}:{case.round}:{sha256(content).hexdigest()}:{context.at.isoformat()}")
    _store(wanted, context, case, AttachmentKind.MATERIAL, material, file_name, cleaned)
    moved(case, at=context.at)
    note(case, "material_added", f"上传资料：{material}", at=context.at)
    return wanted


def _open(case_id: int, context: Context) -> Case:
    """A case whose materials may be changed by whoever filed it: the unit, or the counter."""
    case = locked(case_id)
    if case.state != CaseState.DRAFT:
        raise WrongStateError(case, "更改资料")
    if (case.channel == Channel.COUNTER) != context.counter:
        raise WrongStateError(case, "在这里更改资料（窗口录入的到窗口办理，网上申报的由单位办理）")
    return case


def _store(wanted: UUID, context: Context, case: Case | None, kind: AttachmentKind, name: str, file_name: str, cleaned: Cleaned) -> None:
    actor = current()
    Attachment.objects.bulk_create(
        [
            Attachment(
                id=wanted,
                unit_id=context.unit_id,
                agency_id=context.agency_id,
                case=case,
                kind=kind,
                name=name[:120],
                file_name=clean_file_name(file_name, cleaned.media_type),
                media_type=cleaned.media_type,
                sha256=sha256(cleaned.content).digest(),
                size=len(cleaned.content),
                width=cleaned.width,
                height=cleaned.height,
                content=cleaned.content,
                account_id=actor.account_id,
                account_name=actor.name,
                at=context.at,
            )
        ],
        ignore_conflicts=True,  # the same form sent twice
    )


def remove_material(case_id: int, context: Context, attachment_id: UUID) -> None:
    """Take a scan back from a case that is not submitted, or was returned. What a reviewer may have seen stays on record.

    Raises: NoSuchCaseError, WrongStateError, NoSuchAttachmentError.
    """
    case = _open(case_id, context)
    found = Attachment.objects.defer("content").filter(pk=attachment_id, case=case, kind=AttachmentKind.MATERIAL, withdrawn_at=None).first()
    if found is None:
        raise NoSuchAttachmentError
    _let_go(case, [found], at=context.at)
    moved(case, at=context.at)
    note(case, "material_removed", f"删除资料：{found.name}", at=context.at)


def _let_go(case: Case, attachments: Iterable[Attachment], *, at: datetime) -> None:
    """What was never submitted leaves its case and is emptied after a day; the rest is marked and stays."""
    for one in attachments:
        seen = case.submitted_at is not None and case.submitted_at >= one.at
        Attachment.objects.filter(pk=one.pk).update(**({"withdrawn_at": at} if seen else {"case": None}))


# --- photos of filings ---


def against(item: ServiceItem, context: Context, filings: Sequence[Mapping[str, Value]], *, case_id: int = 0) -> list[list[Refusal]]:
    """What stands against the photos of filings: each exists, was handed in by this filer for this unit, and is used once."""
    fields = photo_fields(item)
    wanted = [str(values[f.name]) for values in filings for f in fields if values.get(f.name)]
    if not wanted:
        return [[] for _ in filings]
    free = Q(case=None, withdrawn_at=None, account_id=current().account_id)
    usable = Attachment.objects.filter(
        free | Q(case_id=case_id, withdrawn_at=None), pk__in=wanted, unit_id=context.unit_id, kind=AttachmentKind.PHOTO
    )
    known = {(str(pk), name) for pk, name in usable.values_list("pk", "name")}
    told: list[list[Refusal]] = []
    for values in filings:
        given = [(f, str(values[f.name])) for f in fields if values.get(f.name)]
        bad = [f for f, photo in given if (photo, f.name) not in known or wanted.count(photo) > 1]
        told.append([Refusal("ATT-13", f"{f.label}没有找到、已用于另一份申报，或不是由您上传的；请重新选择相片上传", f.name) for f in bad])
    return told


def bind(item: ServiceItem, context: Context, case: Case, filings: Sequence[Mapping[str, Value]]) -> None:
    """The photos of a case's filings belong to it from now on; those that were replaced leave it.

    Raises: RefusedError for a photo that is not there to be used. Nothing is stored then.
    """
    fields = photo_fields(item)
    if not fields:
        return
    refusals = [refusal for told in against(item, context, filings, case_id=case.pk) for refusal in told]
    if refusals:
        raise RefusedError(refusals)
    wanted = {str(values[f.name]) for values in filings for f in fields if values.get(f.name)}
    bound = Attachment.objects.filter(pk__in=wanted).filter(Q(case=None) | Q(case=case)).update(case=case)
    if bound != len(wanted):  # another filing was faster in this very instant
        raise RefusedError([Refusal("ATT-13", f"{fields[0].label}刚刚已用于另一份申报；请重新选择相片上传", fields[0].name)])
    former = Attachment.objects.defer("content").filter(case=case, kind=AttachmentKind.PHOTO, withdrawn_at=None)
    _let_go(case, former.exclude(pk__in=wanted), at=context.at)


# --- questions ---


def materials_of(case: Case) -> list[Attachment]:
    """The scans of a case in the order they were handed in, without their bytes and without those taken back."""
    rows = Attachment.objects.defer("content").filter(case=case, kind=AttachmentKind.MATERIAL, withdrawn_at=None)
    return list(rows.order_by("at", "id"))


def find_attachment(attachment_id: UUID) -> Attachment:
    """An attachment with its bytes. Raises: NoSuchAttachmentError."""
    found = Attachment.objects.filter(pk=attachment_id).exclude(content=b"").first()
    if found is None:
        raise NoSuchAttachmentError
    return found


def people_with_photo(id_numbers: Sequence[str]) -> set[str]:
    """Those of the ID numbers whose photo came with a filing that passed: the system holds one. The field is called `photo`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select distinct f.id_number from casework_filing f
            where f.id_number = any(%s) and f.state = 'done' and f.values ->> 'photo' is not null
            """,
            [list(id_numbers)],
        )
        return {number for (number,) in cursor.fetchall()}


# --- after a day ---


def empty_unfiled(*, at: datetime) -> int:
    """Empty what was handed in more than a day ago and belongs to no case; digest and trace stay. Run by a job as the engine."""
    left = Attachment.objects.filter(case=None, withdrawn_at=None, at__lt=at - KEPT_UNFILED)
    return left.update(content=b"", withdrawn_at=at)
