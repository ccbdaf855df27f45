"""缴费月数 as the system knows them, for those who have to state how many there are (延长缴费)."""

from dataclasses import dataclass

from django.db import connection

from shebao.accounts.queries import Months, months_counted
from shebao.levy.flexible import PENSION


@dataclass(frozen=True, slots=True)
class Counted:
    """Months of pension that count for a person. account: what stands on the personal account, is carried over or deemed (accounts);
    uncredited: paid by a due whose credit is on its way (a debit batch is credited when it is booked as a whole); waiting: owed or on a
    核定单, not paid, so not counted yet."""

    account: Months
    uncredited: int
    waiting: int

    @property
    def actual(self) -> int:
        """实际缴费月数."""
        return self.account.actual + self.uncredited

    @property
    def total(self) -> int:
        """累计缴费月数: actual and deemed."""
        return self.account.total + self.uncredited

    def sentence(self) -> str:
        """How the sum comes about."""
        parts = [f"个人账户记账 {self.account.paid} 个月"]
        parts += [f"{label} {n} 个月" for label, n in (("已缴费待记账", self.uncredited), ("转入或迁移", self.account.carried)) if n]
        parts.append(f"视同缴费 {self.account.deemed} 个月")
        waiting = f"；另有 {self.waiting} 个月待缴，没有计入" if self.waiting else ""
        return f"{'，'.join(parts)}，合计 {self.total} 个月{waiting}"


def counted_months(person_id: int) -> Counted:
    """What counts for a person now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with credited as (
              select month from accounts_entry where person_id = %(person)s and kind = 1 group by 1 having sum(own_fen) > 0)
            select count(*) filter (where d.state = 'paid' and not exists (select 1 from credited c where c.month = d.month)),
                   count(*) filter (where d.state in ('open', 'billed', 'sent'))
            from levy_flexdue d where d.person_id = %(person)s and d.insurance = %(pension)s
            """,
            {"person": person_id, "pension": PENSION},
        )
        uncredited, waiting = cursor.fetchone()
    return Counted(months_counted(person_id), int(uncredited), int(waiting))
