"""个人权益记录单: the data of a person's year, and the sealed paper. The page shows the same sheet."""

from datetime import datetime

from django.conf import settings

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.money import yuan_shown
from shebao.channels.certificates import SHOWN
from shebao.channels.papers import SAME_WITHIN, masked
from shebao.channels.rights import Record, months_words, rate_words, record_of
from shebao.enrolment.queries import Cover, spells_of
from shebao.levy.rights import months_paid
from shebao.papers import operations
from shebao.papers.contracts import InsuranceStanding, PaperKind, RightsRecord
from shebao.papers.models import Paper
from shebao.papers.seal import keys_of_day
from shebao.papers.verification import Fact, stored
from shebao.parties.models import Person

KIND = PaperKind.RIGHTS_RECORD


def sheet_of(told: Record, person: Person, *, agency: str) -> RightsRecord:
    """The data of the record, for page and paper alike."""
    spells = spells_of(person.pk)
    paid, account = months_paid(person.pk, told.year), told.account
    types = [i for i in SHOWN if any(s.insurance_mask & i.flag for s in spells)]
    payers = list(dict.fromkeys(m.payer for m in told.months if m.payer != "—"))
    return {
        "agency": agency,
        "name": person.name,
        "id_number": person.id_number,
        "person_number": person.number,
        "year": told.year,
        "payer": "、".join(payers) or None,
        "standings": [_standing(i.label, i.flag, spells, paid.get(i.value, 0), told.year) for i in types],
        "months": [
            {
                "paid_month": m.month,
                "payer": m.payer,
                "base_fen": m.base_fen,
                "unit_fen": m.unit_fen,
                "person_fen": m.person_fen,
                "account_fen": m.account_fen,
            }
            for m in told.months
        ],
        "months_total_fen": sum(m.account_fen for m in told.months),
        "account": {
            "opening_fen": account.opening_fen,
            "credits_fen": account.credits_fen,
            "other_fen": account.other_fen,
            "interest_fen": account.interest_fen,
            "closing_fen": account.closing_fen,
            "rate": rate_words(account, told.place),
        }
        if account
        else None,
        "start_month": told.counted.start,
        "actual": months_words(told.counted.actual),
        "deemed": months_words(told.counted.deemed),
        "total": months_words(told.counted.total),
        "notices": [CREDITED] if account and account.credits_fen != sum(m.account_fen for m in told.months) else [],
    }


CREDITED = "“本年记账额”按到账月份计算，“缴费明细”按费款所属期列示；次年到账的月份记入次年的账户。"


def _standing(label: str, flag: int, spells: list[Cover], paid: int, year: int) -> InsuranceStanding:
    own = [s for s in spells if s.insurance_mask & flag and s.from_month <= year * 100 + 12]
    running = any(s.to_month is None or s.to_month > year * 100 + 12 for s in own)
    return {
        "insurance": label,
        "status": "未参保" if not own else "参保缴费" if running else "暂停缴费",
        "first_month": min((s.from_month for s in own), default=None),
        "months_paid": paid,
    }


def record_pdf(person: Person, year: int, *, agency_id: int, agency: str, account_id: int, at: datetime) -> bytes:
    """The sealed record of a year; asked for twice in a minute it is issued once. The facts shown at 凭证验真 are masked."""
    told = record_of(person.pk, year)
    data, (name, number) = sheet_of(told, person, agency=agency), masked(person.name, person.id_number)
    closing = f"{yuan_shown(data['account']['closing_fen'])} 元" if data["account"] else "—"
    facts = (Fact("姓名", name), Fact("社会保障号码", number), Fact("记录年度", f"{year} 年"), Fact("年末累计储存额", closing))
    title = f"{KIND.label} {year}"
    with acting(ENGINE):
        twins = Paper.objects.filter(
            person_id=person.pk, unit_id=None, kind=KIND.value, title=title, facts=stored(facts), made_at__gte=at - SAME_WITHIN
        )
        if (twin := twins.filter(revoked_at=None).first()) is not None:
            return bytes(twin.content)
        paper = operations.issue(
            KIND,
            title,
            data,
            facts,
            at=at,
            made_by=account_id,
            agency_id=agency_id,
            keys=keys_of_day(settings.DATA / "seal", at=at),
            base_url=settings.BASE_URL,
            person_id=person.pk,
        )
        return bytes(paper.content)
