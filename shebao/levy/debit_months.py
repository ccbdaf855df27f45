"""Which months of whom a batch collects. Pure: arrays in, arrays out.

All unpaid months of the 社保年度 up to this one; after a month without insurance only the unbroken run that includes this month
(《武汉社保新系统2月中旬上线》, 2022-02-02: “如存在中断月份的，当期仅批扣含本月在内的连续月份”).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shebao.base.months import Month

OPEN, PAID, BILLED, OUT, ENDED = 0, 1, 2, 3, 4  # where a due is: 待缴, 已缴, on a bill, in another batch, owed no more
STATE_SQL = "case d.state when 'open' then 0 when 'paid' then 1 when 'billed' then 2 when 'sent' then 3 else 4 end"
BILLED_REASON, OUT_REASON, NOT_NOW_REASON = 1, 2, 3

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Collected:
    """One row a person with something open, in the order of people. amount_fen: 0 where nothing is collected, then reason says why."""

    people: Ints
    amount_fen: Ints
    first_month: Ints
    last_month: Ints
    months: Ints
    open_fen: Ints
    dues: Ints
    reason: NDArray[np.int8]


def collect(people: Ints, months: Ints, states: Ints, fen: Ints, this_month: Month) -> Collected:
    """Decide for all at once.

    Args: one entry a due of the year up to this month, ordered by person, then month; fen: what is owed for it, interest included.
    """
    if not len(people):
        empty = np.empty(0, np.int64)
        return Collected(empty, empty, empty, empty, empty, empty, empty, empty.astype(np.int8))
    # Types of one month belong together: a month is open when one of its dues is, and it breaks the run when one is owed no more.
    starts = np.flatnonzero(np.concatenate(([True], (people[1:] != people[:-1]) | (months[1:] != months[:-1]))))
    is_open = states == OPEN
    open_fen = np.add.reduceat(np.where(is_open, fen, 0), starts)
    open_dues = np.add.reduceat(is_open.astype(np.int64), starts)
    ended = np.maximum.reduceat((states == ENDED).astype(np.int64), starts)
    billed = np.maximum.reduceat((states == BILLED).astype(np.int64), starts)
    sent = np.maximum.reduceat((states == OUT).astype(np.int64), starts)
    who, month = people[starts], months[starts]

    firsts = np.flatnonzero(np.concatenate(([True], who[1:] != who[:-1])))
    counts = np.diff(np.append(firsts, len(who)))
    last_of = np.repeat(firsts + counts - 1, counts)
    behind = last_of - np.arange(len(who))  # how many months of the person come after this one
    whole = month // 100 * 12 + month % 100
    expected = this_month // 100 * 12 + this_month % 100 - behind
    broken = (whole != expected) | (ended > 0)
    breaks = np.cumsum(broken[::-1])[::-1]  # breaks from here to the end of everything …
    after = np.append(breaks, 0)[last_of + 1]  # … of which those of later people are none of ours
    taken = (breaks == after) & (open_dues > 0)

    def by_person(values: Ints) -> Ints:
        return np.add.reduceat(values, firsts)

    amount = by_person(np.where(taken, open_fen, 0))
    first = np.minimum.reduceat(np.where(taken, month, 999_999), firsts)
    last = np.maximum.reduceat(np.where(taken, month, 0), firsts)
    owed = by_person(open_fen)
    reason = np.where(
        np.maximum.reduceat(billed, firsts) > 0,
        BILLED_REASON,
        np.where(np.maximum.reduceat(sent, firsts) > 0, OUT_REASON, np.where(amount == 0, NOT_NOW_REASON, 0)),
    ).astype(np.int8)
    amount = np.where(reason > 0, 0, amount)
    some = owed > 0
    return Collected(
        who[firsts][some],
        amount[some],
        first[some],
        last[some],
        by_person(taken.astype(np.int64))[some],
        owed[some],
        by_person(np.where(taken, open_dues, 0))[some],
        reason[some],
    )
