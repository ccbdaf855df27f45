"""The demo city and its partners: the place's 收入户, and what our books say it holds."""

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.ledger.models import AccountKind
from shebao.ledger.queries import trial_balance
from shebao.levy import reconcile_statements
from shebao.levy.reconcile_models import IncomeAccount
from shebao.parties.models import Agency
from shebao.sandbox.bank import FUND
from shebao.site.demo.scale import PLACE

BANK_NAME = "银行沙箱武汉营业部"
CITY_AGENCY = 1


def income_account() -> tuple[str, int]:
    """The account's number and its balance in the books, fen. Registered for the sandbox where a place has none yet."""
    at = now()
    with acting(ENGINE):
        known = IncomeAccount.objects.filter(place=PLACE).first()
        if known is None and Agency.objects.filter(pk=CITY_AGENCY).exists():
            reconcile_statements.register_account(PLACE, FUND, BANK_NAME, CITY_AGENCY, on=at.date(), at=at)
        holds = sum(each.balance_fen for each in trial_balance(PLACE, at.date()) if each.kind is AccountKind.BANK)
    return (known.number if known else FUND), max(0, holds)
