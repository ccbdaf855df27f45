"""税务发件箱: which bills the tax office has to be sent, sent again or given back, and what it answered.

A trigger notes every bill that is made or changes, in that very transaction (levy_taxchange). `queue_new` turns these notes into states;
`make_messages` puts what waits into messages whose bytes never change; `tax_sending` sends them until they are answered; `answered` applies
the answer. A bill is in one message at a time, so a later version or a recall never overtakes an earlier one. Each step is a transaction,
and the next one takes up whatever was done: killed anywhere, nothing is lost and nothing is done twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import connection

from shebao.audit.operations import Trace, record
from shebao.base.clock import ZONE
from shebao.base.errors import ShebaoError
from shebao.base.identifiers import mask_id_number
from shebao.base.terms import Insurance
from shebao.gateways import tax as wire
from shebao.gateways.signed import Envelope
from shebao.levy import cancelling
from shebao.levy.models import Bill, BillLine
from shebao.levy.tax_models import MessageState, TaxBill, TaxMessage, TaxState

SENDER = "shebao"
CHANGES_AT_ONCE = 20_000


class NotRefusedError(ShebaoError):
    """Only what the tax office refused is queued again by hand."""

    code = "TAX-20"


def queue_new(*, at: datetime) -> int:
    """Turn the notes of changed bills into what is to be done about them. Returns how many notes were read. As the engine."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select id, bill_id from levy_taxchange where not done order by id limit %s for update skip locked", [CHANGES_AT_ONCE]
        )
        notes = cursor.fetchall()
        if notes:
            look_at({bill for _, bill in notes}, at=at)
            cursor.execute("update levy_taxchange set done = true where id = any(%s)", [[note for note, _ in notes]])
    return len(notes)


def look_at(bill_ids: Iterable[int], *, at: datetime) -> None:
    """Compare bills with what the tax office was last told, and queue what differs. Those in a message wait for its answer."""
    wanted = sorted(set(bill_ids))
    with connection.cursor() as cursor:
        cursor.execute(_NEW, {"ids": wanted, "at": at})
        cursor.execute("select 1 from levy_taxbill where bill_id = any(%s) order by bill_id for update", [wanted])
        cursor.execute(_LOOK, {"ids": wanted, "at": at})
        cursor.execute(_ASKED, {"ids": wanted})
        asked: list[tuple[int, bool]] = cursor.fetchall()
    if paid := [bill for bill, has_money in asked if has_money]:
        cancelling.refuse(dict.fromkeys(paid, "已有缴费到账，不能作废；如缴错，请携税票到经办机构窗口办理退费"), at=at)
        look_at(paid, at=at)
    cancelling.carry_out([bill for bill, has_money in asked if not has_money], at=at)


# What a bill is worth, what came in for it through the tax office, and what came in otherwise.
_NOW = """
select b.id, b.unit_id, b.person_id, b.agency_id, b.due_date, b.state,
       b.unit_fen + b.person_fen + b.late_fee_fen - b.moved_fen - b.written_off_fen as worth, tax.fen as tax,
       greatest(b.paid_fen - tax.fen, 0) as elsewhere,
       b.unit_fen + b.person_fen + b.late_fee_fen - b.moved_fen - b.written_off_fen - b.paid_fen as open,
       exists (select 1 from levy_cancelling c where c.bill_id = b.id and c.state = 'asked') as cancel
from levy_bill b cross join lateral (
  select coalesce(sum(r.allocated_fen), 0)::bigint as fen from levy_receipt r
  where b.paid_fen > 0 and r.bill_id = b.id and r.channel = 'tax'
) tax where b.id = any(%(ids)s)"""
_NEW = f"""
insert into levy_taxbill (bill_id, unit_id, person_id, agency_id, state, version, accepted, worth_fen, elsewhere_fen, reason, queued_at)
select n.id, n.unit_id, n.person_id, n.agency_id, 'queued', 0, 0, 0, 0, '', %(at)s from ({_NOW}) n
where n.open > 0 and n.state in ('issued', 'part_paid') order by n.id on conflict (bill_id) do nothing
"""
# Whom a cancellation waits for no longer: money has come in for the bill, or the tax office has nothing of it.
_ASKED = """
select t.bill_id, b.paid_fen > 0 from levy_taxbill t join levy_bill b on b.id = t.bill_id
join levy_cancelling c on c.bill_id = t.bill_id and c.state = 'asked'
where t.bill_id = any(%(ids)s) and t.state not in ('sent', 'recall_sent') and (t.accepted = 0 or b.paid_fen > 0) order by 1
"""
# In order: a bill with nothing left to pay, or to be cancelled, goes back, when nothing was paid for it there; one that differs goes again.
_LOOK = f"""
update levy_taxbill t set state = w.state, queued_at = case when w.state in ('queued', 'recall_queued') then %(at)s else t.queued_at end,
       reason = case when w.state in ('queued', 'recall_queued') then '' else t.reason end
from (
  select n.id, case
    when n.tax = 0 and (n.cancel or n.open = 0) then case when x.accepted > 0 then 'recall_queued' else 'recalled' end
    when n.open = 0 and x.accepted = 0 then 'recalled'
    when (x.accepted > 0 or x.state = 'refused') and (n.worth, n.elsewhere, n.due_date) is not distinct from
         (x.worth_fen, x.elsewhere_fen, x.due_date) then case when x.state = 'refused' then 'refused' else 'accepted' end
    else 'queued' end as state
  from ({_NOW}) n join levy_taxbill x on x.bill_id = n.id
) w where t.bill_id = w.id and t.state not in ('sent', 'recall_sent') and t.state <> w.state
"""


def make_message(*, at: datetime) -> bool:
    """Put up to 1,000 waiting bills into a message; false when none waits. As the engine."""
    for state, path in ((TaxState.RECALL_QUEUED, wire.RECALLS), (TaxState.QUEUED, wire.BILLS)):
        rows = list(TaxBill.objects.select_for_update(skip_locked=True, of=("self",)).filter(state=state).order_by("bill_id")[: wire.MANY])
        if rows:
            _message(rows, path, at)
            return True
    return False


def _message(rows: Sequence[TaxBill], path: str, at: datetime) -> None:
    bills = _bills([row.bill_id for row in rows])
    if path == wire.BILLS:
        told = [_as_told(row.version + 1, *bills[row.bill_id]) for row in rows]
        body, state = wire.bills_body(told), TaxState.SENT
        said = [(each.total_fen, each.elsewhere_fen, each.due_date) for each in told]
    else:
        back = [wire.Recall(bills[row.bill_id][0].number, row.version + 1, "核定单已作废或不再应缴") for row in rows]
        body, state = wire.recalls_body(back), TaxState.RECALL_SENT
        said = [(row.worth_fen, row.elsewhere_fen, row.due_date or bills[row.bill_id][0].due_date) for row in rows]
    with connection.cursor() as cursor:
        cursor.execute("select nextval('levy_tax_sequence')")
        number, message = int(cursor.fetchone()[0]), uuid4()
        content = Envelope(SENDER, message, number, at.astimezone(ZONE).date(), body).content()
        cursor.execute(
            """
            insert into levy_taxmessage (id, message, path, content, bills, state, attempts, next_at, made_at, said)
            values (%s, %s, %s, %s, %s, 'waiting', 0, %s, %s, '')
            """,
            [number, message, path, content, len(rows), at, at],
        )
        cursor.execute(
            """
            update levy_taxbill t set state = %s, version = t.version + 1, message_id = %s, sent_at = %s, answered_at = null,
                   worth_fen = n.worth, elsewhere_fen = n.elsewhere, due_date = n.due
            from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::date[]) as n (id, worth, elsewhere, due) where t.bill_id = n.id
            """,
            [state.value, number, at, [r.bill_id for r in rows], [s[0] for s in said], [s[1] for s in said], [s[2] for s in said]],
        )


def _bills(bill_ids: Sequence[int]) -> dict[int, tuple[Bill, list[BillLine], int]]:
    """Bills with their lines and what the tax office has taken for each."""
    lines: dict[int, list[BillLine]] = {bill: [] for bill in bill_ids}
    found = Bill.objects.select_related("unit__agency", "person").filter(pk__in=bill_ids)
    for line in BillLine.objects.filter(bill_id__in=bill_ids).order_by("bill_id", "insurance", "origin"):
        lines[line.bill_id].append(line)
    with connection.cursor() as cursor:
        cursor.execute(
            "select bill_id, sum(allocated_fen)::bigint from levy_receipt where bill_id = any(%s) and channel = 'tax' group by 1",
            [list(bill_ids)],
        )
        taken = dict(cursor.fetchall())
    return {bill.pk: (bill, lines[bill.pk], taken.get(bill.pk, 0)) for bill in found}


def _as_told(version: int, bill: Bill, lines: Sequence[BillLine], taken_fen: int) -> wire.TaxBill:
    person = bill.person
    payer = (
        wire.Payer("person", person.name, mask_id_number(person.id_number))
        if person is not None
        else wire.Payer("unit", bill.unit.name, bill.unit.uscc or bill.unit.number)
    )
    amounts = tuple(
        wire.Amount(Insurance(line.insurance), line.origin, line.unit_fen, line.person_fen, line.moved_fen + line.written_off_fen)
        for line in lines
    )
    return wire.TaxBill(
        number=bill.number,
        version=version,
        kind=bill.kind,
        payer=payer,
        agency=bill.unit.agency.district or bill.unit.place,
        first_month=bill.first_month or bill.month,
        last_month=bill.last_month or bill.month,
        issued_on=bill.issued_on,
        due_date=bill.due_date,
        amounts=amounts,
        total_fen=sum(each.total_fen for each in amounts),
        elsewhere_fen=max(bill.paid_fen - taken_fen, 0),
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer did, for the log and the command line."""

    bills: int
    refused: int


def answered(message_id: int, body: Mapping[str, Any] | None, refusal: tuple[str, str] | None, *, at: datetime) -> Answered:
    """Apply the answer to one message (or its refusal: code and sentence), once: whoever comes second changes nothing. As the engine.

    What the answer does not mention counts as refused: it is shown, and goes again when somebody says so.  Raises: MessageRefused, when
    the body is no answer to such a message.
    """
    message = TaxMessage.objects.select_for_update().get(pk=message_id)
    if message.state != MessageState.WAITING:
        return Answered(0, 0)
    recall = message.path == wire.RECALLS
    outcomes: Mapping[str, wire.Outcome] = {}
    if body is not None:
        outcomes = {each.number: each for each in wire.read_outcomes(body, wire.RECALLED if recall else wire.PUSHED)}
    rows = list(TaxBill.objects.select_for_update(of=("self",)).select_related("bill").filter(message_id=message_id).order_by("bill_id"))
    silent = (
        wire.Outcome("", 0, "refused", *refusal)
        if refusal
        else wire.Outcome("", 0, "refused", "TAX-18", "税务回执里没有这张单，请重新发送")
    )
    told = [outcomes.get(row.bill.number, silent) for row in rows]
    states = [_after(each, recall=recall) for each in told]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update levy_taxbill t set state = n.state, message_id = null, answered_at = %s, reason = n.reason,
                   accepted = case n.state when 'accepted' then case when %s then t.accepted else t.version end
                                           when 'recalled' then 0 else t.accepted end
            from unnest(%s::bigint[], %s::text[], %s::text[]) as n (id, state, reason) where t.bill_id = n.id
            """,
            [
                at,
                recall,
                [row.bill_id for row in rows],
                [state.value for state in states],
                [_reason(each) if each.outcome in ("refused", "paid") else "" for each in told],
            ],
        )
        cursor.execute(
            "update levy_taxmessage set state = %s, answered_at = %s, said = %s where id = %s",
            [MessageState.REFUSED.value if refusal else MessageState.ANSWERED.value, at, refusal[1][:200] if refusal else "", message_id],
        )
    if recall:
        stay = {row.bill_id: _reason(each) for row, each, state in zip(rows, told, states, strict=True) if state is not TaxState.RECALLED}
        cancelling.refuse(stay, at=at)
    # What was to come back and does not is not asked for again at once: the payment that is told next, or finance, decides.
    look_at((row.bill_id for row, state in zip(rows, states, strict=True) if not recall or state is TaxState.RECALLED), at=at)
    refused = [row for row, state in zip(rows, states, strict=True) if state is TaxState.REFUSED]
    record([Trace("levy.tax_refused", row.bill.number, unit_id=row.unit_id, agency_id=row.agency_id) for row in refused], at=at)
    return Answered(len(rows), len(refused))


def _after(outcome: wire.Outcome, *, recall: bool) -> TaxState:
    if recall:
        back = {"recalled": TaxState.RECALLED, "unknown": TaxState.RECALLED, "paid": TaxState.ACCEPTED}
        return back.get(outcome.outcome, TaxState.REFUSED)
    return TaxState.ACCEPTED if outcome.outcome == "accepted" else TaxState.REFUSED


def _reason(outcome: wire.Outcome) -> str:
    if outcome.outcome == "paid":
        return f"税务机关已收到缴费，不能撤回：{outcome.reason or '请等缴费信息传来'}"[:200]
    return f"{outcome.reason or '税务机关没有说明原因'}（{outcome.code}）"[:200]


def send_again(number: str, *, at: datetime) -> None:
    """Queue a bill again that the tax office refused. As the engine, in the name of whoever says so.  Raises: NotRefusedError."""
    row = TaxBill.objects.select_for_update(of=("self",)).select_related("bill").filter(bill__number=number, state=TaxState.REFUSED).first()
    if row is None:
        raise NotRefusedError("这张核定单没有被税务退回，或已重新发送，请刷新后核对")
    TaxBill.objects.filter(pk=row.pk).update(state=TaxState.QUEUED, queued_at=at, reason="", due_date=None)  # so that it differs
    look_at([row.pk], at=at)
    record([Trace("levy.tax_sent_again", number, unit_id=row.unit_id, agency_id=row.agency_id)], at=at)
