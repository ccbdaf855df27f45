"""What the accounts say of their control accounts, at every 月结: 个人账户基金 is what was credited and the interest of settled years."""

from collections.abc import Mapping

from django.db import connection

from shebao.accounts.crediting import FUND
from shebao.ledger.models import AccountKind


def sums(place: str) -> Mapping[tuple[int, AccountKind], int]:
    """(fund, kind) → fen, debit positive, by sources and settlements (each the sum of its rows)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select coalesce(sum(own_fen + employer_fen) filter (where kind not in (6, 7)), 0)::bigint,
                   coalesce(sum(own_fen + employer_fen) filter (where kind in (6, 7)), 0)::bigint,
                   (select coalesce(sum(interest_fen), 0)::bigint from accounts_settlement where place = %(place)s and state = 'done')
            from accounts_source where place = %(place)s
            """,
            {"place": place},
        )
        credited, moved, settled = cursor.fetchone()
    return {
        (FUND, AccountKind.TO_ACCOUNTS): credited,
        (FUND, AccountKind.ACCOUNT_INT): moved + settled,
        (FUND, AccountKind.PERSONAL): -(credited + moved + settled),
    }
