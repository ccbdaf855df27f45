"""Questions about the books."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from shebao.ledger.models import AccountKind


@dataclass(frozen=True, slots=True)
class Balance:
    """One account at the end of a day: posted debits and credits since the beginning, fen."""

    fund: int
    kind: AccountKind
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        return self.debit_fen - self.credit_fen


def trial_balance(place: str, on: date) -> list[Balance]:
    """试算平衡表 at the end of a day. A pending posting counts once it is posted, a void one never."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select a.fund, a.kind, coalesce(sum(e.amount_fen) filter (where e.amount_fen > 0), 0)::bigint,
                   coalesce(-sum(e.amount_fen) filter (where e.amount_fen < 0), 0)::bigint
            from ledger_account a join ledger_entry e on e.account_id = a.id join ledger_posting p on p.id = e.posting_id
            where a.place = %s and p.state = 'posted' and p.booked_on <= %s group by 1, 2 order by 1, 2
            """,
            [place, on],
        )
        return [Balance(fund, AccountKind(kind), debit, credit) for fund, kind, debit, credit in cursor.fetchall()]
