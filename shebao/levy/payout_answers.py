"""The bank's answer to a payout file (FR): held against every line of ours, kept once, in the bank's order of the day.

What it refused is returned at once; what it says is paid is paid once the statement shows it.
"""

from datetime import date, datetime

import numpy as np

from shebao.audit.operations import Trace, record
from shebao.base.money import yuan_shown
from shebao.gateways import bank as codec
from shebao.gateways.bank import BankFile, BankFileRefused, Kind
from shebao.levy import refunding
from shebao.levy.debit_answers import BankKeys, in_turn, keys_for, one_by_one, refuse
from shebao.levy.debit_batches import bank_code, hall_code
from shebao.levy.refund_models import Payout, PayoutAnswer, Refund, RefundState


def receive(content: bytes, public_keys: BankKeys, *, on: date, at: datetime) -> int:
    """Apply an answer, whole or not at all; the same bytes again change nothing. As the engine. Returns how many were refused.

    Raises: BankFileRefused (BNK-01 to BNK-14, BNK-22, 24 to 29), FileEarly.
    """
    payout = Payout.objects.filter(number=codec.peek(content).batch).first()
    if payout is None:
        raise BankFileRefused("BNK-24", f"没有退款代发批次 {codec.peek(content).batch}；没有处理，请与对方核对批次号")
    keys = keys_for(public_keys, payout.bank)
    sender, receiver = bank_code(payout.bank), hall_code(payout.place)
    file = codec.read(content, Kind.PAYOUT_RESULT, sender=sender, receiver=receiver, public_key=keys, today=on)
    one_by_one(payout.bank)
    if (known := PayoutAnswer.objects.filter(payout=payout).first()) is not None:
        if bytes(known.sha256) == file.sha256:
            return 0
        raise BankFileRefused("BNK-22", f"退款代发批次 {payout.number} 已经回盘，这次的内容不同；没有处理，请与对方核对")
    if file.header.part != 1:
        raise BankFileRefused("BNK-29", "退款代发结果只有第 1 部分，没有付出的由我方核对后重新发送；没有处理，请与对方核对")
    _match(payout, file)
    in_turn(payout.bank, file.header)
    results = {n.decode(): r.decode() for n, r in zip(file.columns["number"], file.columns["result"], strict=True)}
    bad = {number: result for number, result in results.items() if result != codec.SUCCESS}
    PayoutAnswer.objects.create(
        payout=payout, agency_id=payout.agency_id, sha256=file.sha256, bank=payout.bank, day=file.header.day, order=file.header.order,
        refused=len(bad), received_at=at,
    )  # fmt: skip
    refunds = Refund.objects.select_for_update().filter(payout=payout, state=RefundState.INSTRUCTED).order_by("id")
    returned = [refund for refund in refunds if refund.serial in bad]
    for refund in returned:
        refunding.returned([refund], f"银行未受理：{codec.RESULTS[bad[refund.serial]]}", on=on, at=at)
    after = {"lines": len(file), "refused": len(bad)}
    record([Trace("levy.payout_answered", payout.number, after=after, agency_id=payout.agency_id)], at=at)
    return len(returned)


def _match(payout: Payout, file: BankFile) -> None:
    """Hold every record against ours of the same sequence. Raises: BankFileRefused (BNK-25 to BNK-28)."""
    ours, theirs = codec.lines_of(bytes(payout.content), Kind.PAYOUT), file.columns
    if len(extra := np.setdiff1d(theirs["sequence"], ours["sequence"])):
        refuse(file, int(np.searchsorted(theirs["sequence"], extra[0])), "BNK-25", "这一笔不在批次里")
    if len(gone := np.setdiff1d(ours["sequence"], theirs["sequence"])):
        raise BankFileRefused("BNK-26", f"退款代发批次 {payout.number} 的第 {gone[0]} 笔没有结果；没有处理，请对方补齐后重新出盘")
    if len(wrong := np.flatnonzero(theirs["amount"] != ours["amount"])):
        refuse(file, int(wrong[0]), "BNK-27", f"金额与我方的 {yuan_shown(int(ours['amount'][wrong[0]]))} 元不符")
    if len(wrong := np.flatnonzero((theirs["number"] != ours["number"]) | (theirs["account"] != ours["account"]))):
        refuse(file, int(wrong[0]), "BNK-28", "退费流水号或账号与我方不符")
