"""What follows when bills are cleared, or opened again: dues of flexible workers are paid, personal accounts are credited.

Called by whatever clears a bill, inside its transaction and under the bill's lock, with many bills at a time.
"""

from collections.abc import Sequence
from datetime import date, datetime

from shebao.levy import crediting, flexible
from shebao.levy.models import Bill


def cleared(bills: Sequence[Bill], *, place: str, on: date, at: datetime) -> None:
    """These bills have just become 已到账. on: the day of payment."""
    flexible.pay_cleared(bills, on=on)
    crediting.credit_bills([bill.pk for bill in bills], place=place, on=on, at=at)


def touched(bills: Sequence[Bill], *, place: str, on: date, at: datetime) -> None:
    """Money came in for these bills, cleared or not: those of which only deferred parts (缓缴) are open, and those of which the rest was
    moved onto an order, count for their people like cleared ones."""
    crediting.credit_bills([bill.pk for bill in bills], place=place, on=on, at=at)


def opened_again(bills: Sequence[Bill], *, place: str, on: date, at: datetime) -> None:
    """These bills were 已到账 and are not any more: what had come in for them was given back or moved."""
    flexible.open_again(bills)
    crediting.take_back_bills([bill.pk for bill in bills], place=place, on=on, at=at)
