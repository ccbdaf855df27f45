"""灵活就业批扣签约: sign a debit at a partner bank (加办单号), change its bank or account, end it, at the counter as online."""

from collections.abc import Sequence
from dataclasses import dataclass

from shebao.base.errors import Refusal
from shebao.base.money import yuan_shown
from shebao.base.months import month_shown
from shebao.casework import fields
from shebao.casework.item import Answer, Audience, Change, Context, Filing, Guide, MoneyEffect, ServiceItem
from shebao.enrolment.queries import Standing
from shebao.enrolment.tiers import FlexSpell
from shebao.items.enrolment.stop_employee import same_name
from shebao.items.flexible import situation as shared
from shebao.items.flexible.situation import Situation, known_here
from shebao.levy import debit_signing, debiting
from shebao.levy.bank_models import BANKS, DebitAgreement, Scheme
from shebao.levy.debit_queries import next_debit
from shebao.levy.debit_signing import NewAgreement, masked
from shebao.policy.rulebook import standard

SIGN, CHANGE, END = "sign", "change", "end"
ACTS = ((SIGN, "签约"), (CHANGE, "换银行或账号"), (END, "解约"))


@dataclass(frozen=True, slots=True)
class Signing:
    """A person's situation, the agreement that holds, and whether a batch is asking for their money now."""

    situation: Situation
    agreement: DebitAgreement | None
    out: bool

    @property
    def standing(self) -> Standing:
        """For the checks that only look at who it is."""
        return self.situation.standing

    @property
    def spells(self) -> tuple[FlexSpell, ...]:
        """For the check of where they were insured."""
        return self.situation.spells


def facts(filings: Sequence[Filing], context: Context) -> list[Signing]:
    """One at a time: nothing here comes in batches."""
    found = []
    for situation in shared.situations(filings, context):
        person = situation.standing.person_id or 0
        found.append(Signing(situation, debit_signing.live_agreement(person), bool(debiting.out([person]))))
    return found


def wanted(filing: Filing, person_id: int, context: Context) -> NewAgreement:
    """What is signed."""
    scheme = Scheme(filing.text("scheme") or Scheme.CITY)
    bank, account = filing.text("bank"), filing.text("account")
    return NewAgreement(person_id, context.agency_id, context.place, bank, account, scheme, filing.case_id or None)


def account_holds(filing: Filing, signing: Signing, context: Context) -> Refusal | None:
    if filing.text("act") == END:
        return None
    for name, label in (("bank", "协作银行"), ("account", "银行账号")):
        if not filing.text(name):
            return Refusal("BNK-30", f"请填写{label}；只有解约不用填写", name)
    fault = debit_signing.bank_fault(filing.text("bank"), filing.text("account"))
    return Refusal("BNK-30", fault, "account") if fault else None


def agreement_allows(filing: Filing, signing: Signing, context: Context) -> Refusal | None:
    live = signing.agreement
    if filing.text("act") == SIGN:
        return Refusal("BNK-31", debit_signing.already_signed(live), "act") if live else None
    if live is None:
        return Refusal("BNK-32", debit_signing.NOT_SIGNED_TEXT, "act")
    if signing.out:
        return Refusal("BNK-33", debit_signing.OUT_TEXT, "act")
    new = wanted(filing, live.person_id, context)
    if filing.text("act") == CHANGE and debit_signing.same_account(live, new.bank, new.account, new.scheme):
        return Refusal("BNK-34", f"银行和账号与现有协议（加办单号 {live.number}）相同，没有变更", "account")
    return None


def paused(filing: Filing, signing: Signing, context: Context) -> Refusal | None:
    if filing.text("act") == END or signing.situation.here(context) is not None:
        return None
    return Refusal("FLX-W2", "此人现在没有在本窗口参保，签约后没有应缴的月份，不会扣款；续保后按应缴扣款")


def perform(filings: Sequence[Filing], context: Context) -> None:
    for filing, found in zip(filings, shared.situations(filings, context), strict=True):
        person = found.standing.person_id or 0
        if filing.text("act") == END:
            debit_signing.end(person, "本人在窗口解约", at=context.at, case_id=filing.case_id or None)
        elif filing.text("act") == CHANGE:
            debit_signing.change(wanted(filing, person, context), at=context.at)
        else:
            debit_signing.sign(wanted(filing, person, context), at=context.at)


def effect(filings: Sequence[Filing], context: Context) -> MoneyEffect:
    """What the next debit would take, as the own page of the person shows it."""
    filing = filings[0]
    if filing.text("act") == END:
        return MoneyEffect("对缴费的影响", sentences=("解约后不再自动扣款，请本人每月自行核定缴费。",))
    new = wanted(filing, facts([filing], context)[0].standing.person_id or 0, context)
    preview = DebitAgreement(person_id=new.person_id, place=new.place, scheme=new.scheme, bank=new.bank, account=new.account)
    following = next_debit(preview, context.on, standard())
    if following.day is None:
        return MoneyEffect("下次批扣", sentences=(f"下次批扣日未知：{following.unknown}",))
    months = month_shown(following.first_month) if following.amount_fen else ""
    if following.months > 1:
        months = f"{months}至 {month_shown(following.last_month)}，共 {following.months} 个月"
    told = f"按目前的应缴扣 {yuan_shown(following.amount_fen)} 元（{months}）" if following.amount_fen else following.why
    short = "余额不够全部应缴时一分不扣，未缴月份并入下个月。"
    return MoneyEffect("下次批扣", sentences=(f"下次批扣日 {following.day.day.isoformat()}：{told}。", short))


def agreement_shown(agreement: DebitAgreement) -> str:
    """邮政储蓄银行 6217********1234（武汉市）."""
    bank = BANKS.get(agreement.bank, agreement.bank)
    return f"{bank} {masked(agreement.account)}（{Scheme(agreement.scheme).label}）"


def compare(filing: Filing, signing: Signing, context: Context) -> Sequence[Change]:
    live = signing.agreement
    before = f"{agreement_shown(live)}，加办单号 {live.number}" if live else "没有签约"
    if filing.text("act") == END:
        return [Change("批扣协议", before, "解约")]
    new = wanted(filing, 0, context)
    return [Change("批扣协议", before, agreement_shown(DebitAgreement(bank=new.bank, account=new.account, scheme=new.scheme)))]


def look_up(id_number: str, context: Context) -> Answer:
    filing = Filing({"id_number": id_number})
    found = facts([filing], context)[0]
    answer = shared.told(id_number, found.situation, context, [r for r in (known_here(filing, found.situation, context),) if r])
    live = found.agreement
    told = ("批扣协议", f"{agreement_shown(live)}，加办单号 {live.number}" if live else "没有签约")
    return Answer((*answer.facts, told), answer.values, answer.refusals, answer.person_id)


ITEM = ServiceItem(
    code="flexible.debit",
    version=1,
    title="灵活就业批扣签约",
    prefix="LK",
    audience=frozenset({Audience.COUNTER}),
    group=shared.GROUP,
    icon="arrow-repeat",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("act", "办理内容", ACTS, default=SIGN),
        fields.choice("bank", "协作银行", tuple(BANKS.items()), required=False, hint="解约不用填写"),
        fields.text(
            "account", "银行账号", required=False, most=20, width=24, hint="本人名下的卡号或存折账号，8 到 20 位数字；解约不用填写"
        ),
        fields.choice("scheme", "参保范围", tuple((s.value, s.label) for s in Scheme), default=Scheme.CITY.value, hint="决定批扣日"),
    ),
    facts=facts,
    checks=(known_here, same_name, account_holds, agreement_allows),
    warns=(paused,),
    review=shared.at_counter,
    perform=perform,
    effect=effect,
    look_up=look_up,
    compare=compare,
    materials=("公民身份证原件及复印件", "本人名下银行卡或存折的复印件", "本人签字的批扣授权书"),
    guide=Guide(
        summary="授权协作银行每月从本人账户扣缴养老保险费；换银行、换账号和解约也在这里办理。",
        who="在个人流动窗口参保的灵活就业人员。",
        when="随时办理；本期批扣已经生成、还没有回盘入账的，不能换账号或解约。",
        law=(f"{shared.SEED_2022}", f"{shared.SEED_2011}"),
        after="从下一个批扣日起扣缴本社保年度里没有缴的月份（武汉市每月 20 日，省本级 15 日）。余额不够全部应缴时一分不扣，并入下个月。",
        words=("批扣", "代扣", "加办单号", "银行扣款", "换卡", "解约", "自动扣费"),
    ),
    batch_rows_max=0,
    printout="",
    refusal_codes={
        "ENR-23": "姓名与参保登记的不一致",
        "FLX-40": "不是在个人流动窗口办理",
        "FLX-25": "没有在本经办机构的窗口参保过",
        "BNK-30": "银行账号或协作银行不对",
        "BNK-31": "已签有批扣协议",
        "BNK-32": "没有有效的批扣协议",
        "BNK-33": "本期批扣正在进行",
        "BNK-34": "银行和账号没有变化",
        "FLX-W2": "提醒：现在没有在窗口参保",
    },
    return_reasons=("账号与银行卡复印件不一致，请核对", "授权书没有本人签字，请补充"),
    available=shared.only_window,
)
