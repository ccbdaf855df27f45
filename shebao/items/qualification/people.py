"""What the items about 网上办事资格 share: the unit as it stands, and the counter's review."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.access.models import Account, Operator, Qualification
from shebao.base.errors import Refusal
from shebao.casework import fields
from shebao.casework.item import Context, Filing, Review
from shebao.parties.models import Unit, UnitKind

GROUP = "网上办事资格"
CAPACITIES = (("operator", "单位经办人"), ("legal", "法定代表人"))
GUIDE_OF_UNITS = "《武汉市社会保险网上办事业务指南（单位篇）》第一条"


@dataclass(frozen=True, slots=True)
class Standing:
    """A unit's qualification and the live accounts behind it, by user name and by 公民身份号码."""

    closed: bool
    employer: bool
    qualified: bool
    stopped: bool
    stop_reason: str
    vip: bool
    accounts: dict[str, Account]
    operators: dict[str, Operator]

    def find(self, text: str) -> Account | None:
        """An account by user name or by the operator's 公民身份号码."""
        if text in self.accounts:
            return self.accounts[text]
        row = self.operators.get(text.upper())
        return row.account if row else None


def facts(filings: Sequence[Filing], context: Context) -> Sequence[Standing]:
    """One standing for all filings: they are about the same unit."""
    unit = Unit.objects.get(pk=context.unit_id)
    held = Qualification.objects.filter(unit=unit).first()
    operators = list(Operator.objects.select_related("account").filter(unit=unit, revoked_at=None))
    accounts = list(Account.objects.filter(unit=unit, disabled_at=None))
    standing = Standing(
        closed=unit.closed_on is not None,
        employer=unit.kind == UnitKind.EMPLOYER,
        qualified=held is not None or bool(accounts),
        stopped=held is not None and held.stopped_at is not None,
        stop_reason=held.stop_reason if held else "",
        vip=unit.vip,
        accounts={account.username: account for account in accounts},
        operators={row.id_number: row for row in operators if row.id_number},
    )
    return [standing] * len(filings)


def at_counter(context: Context) -> Review:
    """The system never decides it."""
    return Review.COUNTER


def open_unit(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    """Not one that was closed."""
    return Refusal("QUA-01", "该单位已注销社会保险登记，不能办理") if standing.closed else None


def has_qualification(filing: Filing, standing: Standing, context: Context) -> Refusal | None:
    """One that has accounts."""
    if standing.qualified:
        return None
    return Refusal("QUA-02", "该单位还没有网上办事资格，请先办理“网上办事资格申请”")


def reason_field(label: str = "事由") -> fields.Field:
    """Why, in the clerk's words."""
    return fields.text("reason", label, most=100)
