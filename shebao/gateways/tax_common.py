"""What every message of the tax office's protocol shares: limits, words, and that counts and totals hold."""

from collections.abc import Sequence

from shebao.base.terms import Insurance
from shebao.gateways.strict_json import FEN_MAX, MessageRefused, Reader

MANY = 1_000  # of anything in one message
LINES_MAX = 60
BILL_MAX = 20  # letters of a bill's number
KINDS = ("monthly", "arrears", "late_fee", "person")
ORIGIN_MAX = 20
CHANNELS = ("app", "bank", "counter")
CHANNEL_LABELS = {"app": "手机应用", "bank": "银行网点", "counter": "办税服务厅"}
STATES = ("unknown", "waiting", "part_paid", "paid", "recalled")
INSURANCES = {insurance.key: insurance for insurance in Insurance}
# Where to: ours to the tax office, and the tax office's to us.
BILLS, RECALLS, ASKED_STATES, ASKED_DAY = "/v1/bills", "/v1/recalls", "/v1/states", "/v1/day"
PAYMENTS, REVERSALS = "/partners/tax/v1/payments", "/partners/tax/v1/reversals"


def check_sums(reader: Reader, amounts: Sequence[int]) -> None:
    count, total = reader.whole("count", 0, MANY), reader.whole("total_fen", 0, FEN_MAX * MANY)
    reader.done()
    if count != len(amounts):
        raise MessageRefused("TAX-10", f"报文写明 {count} 笔，实有 {len(amounts)} 笔，可能不完整；没有处理，请用新的报文编号重新发送")
    if total != sum(amounts):
        raise MessageRefused("TAX-10", f"报文写明合计 {total} 分，明细合计 {sum(amounts)} 分；没有处理，请核对后重新发送")


def check_count(reader: Reader, found: int) -> None:
    count = reader.whole("count", 0, MANY)
    reader.done()
    if count != found:
        raise MessageRefused("TAX-10", f"报文写明 {count} 笔，实有 {found} 笔，可能不完整；没有处理，请用新的报文编号重新发送")


def check_once(names: Sequence[str], label: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise MessageRefused("TAX-11", f"{label} {name} 在同一报文里出现两次；没有处理，请核对后重新发送")
        seen.add(name)
