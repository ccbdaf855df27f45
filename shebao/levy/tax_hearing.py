"""What the tax office tells us: payments and their reversals. Each message is kept with our answer and applied in one transaction, or not.

As the engine. Messages of a partner come one by one (an advisory lock), so the same one twice at the same instant is still one.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from shebao.base.clock import ZONE
from shebao.gateways import strict_json
from shebao.gateways import tax as wire
from shebao.gateways.signed import Envelope
from shebao.gateways.strict_json import MessageRefused
from shebao.levy import tax_reversing
from shebao.levy.models import Bill, Channel, ReceiptState
from shebao.levy.payments import Payment
from shebao.levy.tax_models import TaxHeard, TaxPayment, TaxReversal
from shebao.levy.telling import Told, ToldAs, receive_told
from shebao.parties.models import Agency

SENDER = "tax"
A_MINUTE = 120  # messages
_LOCK = 7_315_020


def hear(envelope: Envelope, path: str, content: bytes, key_id: str, *, place: str, at: datetime) -> bytes:
    """Take a message whose signature holds, and return the answer; the one given before when it came before.

    place: where money goes that names no bill of ours.  Raises: MessageRefused.
    """
    _one_by_one()
    digest = hashlib.sha256(content).digest()
    if (known := TaxHeard.objects.filter(message=envelope.message).first()) is not None:
        if bytes(known.sha256) != digest or known.path != path:
            raise MessageRefused("TAX-08", f"报文 {envelope.message} 收到过，但内容不同；没有处理，请用新的报文编号发送", 409)
        return bytes(known.answer)
    _not_too_many(at)
    if TaxHeard.objects.filter(sender=envelope.sender, day=envelope.day, sequence=envelope.sequence).exists():
        raise MessageRefused(
            "TAX-09", f"{envelope.day} 的报文序号 {envelope.sequence} 已用于另一份报文；没有处理，请核对后重新编号发送", 409
        )
    read = _READERS[path]
    apply = read(envelope.body, place, at)
    heard = TaxHeard(
        message=envelope.message, sender=envelope.sender, sequence=envelope.sequence, day=envelope.day, path=path, key_id=key_id,
        sha256=digest, content=content, received_at=at,
    )  # fmt: skip
    # The message is written last, with its answer: keys between it and its payments are checked when the transaction ends.
    answer = strict_json.dump(wire.heard_body(apply(heard)))
    heard.answer = answer
    heard.save(force_insert=True)
    return answer


def _one_by_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_LOCK])


def _not_too_many(at: datetime) -> None:
    if TaxHeard.objects.filter(received_at__gt=at - timedelta(minutes=1), received_at__lte=at).count() >= A_MINUTE:
        raise MessageRefused("TAX-13", f"一分钟内最多接收 {A_MINUTE} 份报文，请稍后再发送", 429)


Apply = Callable[[TaxHeard], Sequence[wire.Heard]]


def _payments(body: Mapping[str, Any], place: str, at: datetime) -> Apply:
    payments = wire.read_payments(body)
    late = [p for p in payments if p.paid_at > at + timedelta(days=1)]
    if late:
        raise MessageRefused("TAX-19", f"税票 {late[0].serial} 的缴费时刻在今天之后；没有处理，请核对后用新的报文编号发送")
    return lambda heard: _book(payments, heard, place, at)


def _book(payments: Sequence[wire.Paid], heard: TaxHeard, place: str, at: datetime) -> list[wire.Heard]:
    homes = {
        number: (unit_place, agency)
        for number, unit_place, agency in Bill.objects.filter(number__in={p.bill_number for p in payments}).values_list(
            "number", "unit__place", "agency_id"
        )
    }
    nowhere = (place, _first_agency(place))
    groups: dict[tuple[str, int], list[wire.Paid]] = {}
    for payment in payments:
        groups.setdefault(homes.get(payment.bill_number, nowhere), []).append(payment)
    on = at.astimezone(ZONE).date()
    told: dict[str, Told] = {}
    for (of_place, agency_id), paid in sorted(groups.items()):
        reported = [Payment(p.serial, p.bill_number, "", p.amount_fen, p.paid_at.astimezone(ZONE).date()) for p in paid]
        answers = receive_told(Channel.TAX, str(heard.message), reported, place=of_place, agency_id=agency_id, on=on, at=at)
        told |= {each.serial: each for each in answers}
    TaxPayment.objects.bulk_create(
        [
            TaxPayment(
                serial=p.serial, bill_number=p.bill_number, amount_fen=p.amount_fen, paid_at=p.paid_at, channel=p.channel,
                receipt_id=told[p.serial].receipt_id, message_id=heard.message,
            )
            for p in payments
            if told[p.serial].status is not ToldAs.HELD
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    tax_reversing.go_on([p.serial for p in payments], on=on, at=at)
    return [_payment_said(told[p.serial]) for p in payments]


def _payment_said(told: Told) -> wire.Heard:
    if told.status is ToldAs.HELD:
        return wire.Heard(told.serial, "refused", "TAX-15", told.reason)
    if told.status is ToldAs.KNOWN:
        return wire.Heard(told.serial, "known")
    if told.state == ReceiptState.SUSPENSE:
        return wire.Heard(told.serial, "suspense", "", told.reason)
    return wire.Heard(told.serial, "booked")


def _first_agency(place: str) -> int:
    found = Agency.objects.filter(place=place).order_by("id").values_list("id", flat=True).first()
    if found is None:
        raise MessageRefused("TAX-24", "本方没有可以接收无主款项的经办机构，暂不能处理，请稍后再发送", 503)
    return int(found)


def _reversals(body: Mapping[str, Any], place: str, at: datetime) -> Apply:
    reversals = wire.read_reversals(body)
    return lambda heard: _reverse(reversals, heard, at)


def _reverse(reversals: Sequence[wire.Reversal], heard: TaxHeard, at: datetime) -> list[wire.Heard]:
    by_serial = {r.serial: r for r in TaxReversal.objects.filter(serial__in=[r.serial for r in reversals])}
    by_payment = {r.of: r for r in TaxReversal.objects.filter(of__in=[r.of for r in reversals])}
    amounts = dict(TaxPayment.objects.filter(serial__in=[r.of for r in reversals]).values_list("serial", "amount_fen"))
    told: dict[str, wire.Heard] = {}
    fresh = []
    for one in reversals:
        known = by_serial.get(one.serial) or by_payment.get(one.of)
        if known is not None:
            same = (known.serial, known.of, known.amount_fen) == (one.serial, one.of, one.amount_fen)
            reason = "" if same else f"这笔税票或冲正流水号已有另一笔冲正（{known.serial}）；没有处理，请与本方核对"
            told[one.serial] = wire.Heard(one.serial, "known" if same else "refused", "" if same else "TAX-15", reason)
        elif amounts.get(one.of, one.amount_fen) != one.amount_fen:
            told[one.serial] = wire.Heard(one.serial, "refused", "TAX-15", "冲正金额与原税票不符，只能整笔冲正；没有处理，请核对")
        else:
            fresh.append(one)
    TaxReversal.objects.bulk_create(
        [
            TaxReversal(
                serial=r.serial, of=r.of, amount_fen=r.amount_fen, reversed_at=r.reversed_at, reason=r.reason, state="waiting",
                message_id=heard.message,
            )
            for r in fresh
        ]
    )  # fmt: skip
    done = tax_reversing.go_on([r.of for r in fresh], on=at.astimezone(ZONE).date(), at=at)
    for one in fresh:
        note = done.get(one.of)
        told[one.serial] = wire.Heard(one.serial, "reversed" if note == "" else "waiting", "", note or "")
    return [told[one.serial] for one in reversals]


_READERS: Mapping[str, Callable[[Mapping[str, Any], str, datetime], Apply]] = {wire.PAYMENTS: _payments, wire.REVERSALS: _reversals}
