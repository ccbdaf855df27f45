"""shebao calc …, shebao rule, shebao rules: what the policy kernel computes and why. No Django, no database.

The kernel is imported inside the commands: a command that needs none of it starts without it.
"""

import argparse
import json
import unicodedata
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from shebao.base.errors import ShebaoError
from shebao.base.money import yuan, yuan_shown
from shebao.base.months import month_of
from shebao.base.terms import INSURANCES, Insurance, Payer, mask_of
from shebao.channels.console import Parser, amount, answering, day, month_or_day, whole
from shebao.parties.facts import UNIT_SIZES

if TYPE_CHECKING:
    from shebao.policy.explain import Explained
    from shebao.policy.levy import MonthRates
    from shebao.policy.rulebook import Rule

PLACE = "420100"  # the demo's place; every command names its own with --place


class BadArgument(ShebaoError):
    """A command's argument cannot be used."""

    code = "CLI-01"
    status = 422


def register(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add `calc`, `rule` and `rules` to the command line. Each sets `func(args) -> int`."""
    calc = subparsers.add_parser("calc", help="计算并说明：应缴额、档次、滞纳金、工作日、号码校验")
    kinds = calc.add_subparsers(dest="calculation", metavar="项目", required=True, parser_class=Parser)
    _add(kinds, "contribution", _contribution, "社会保险费月应缴额", on=month_or_day, place=str)
    _add(kinds, "tier", _tier, "灵活就业人员缴费档次", on=month_or_day, place=str)
    _add(kinds, "late-fee", _late_fee, "滞纳金", principal=amount, due=day, paid=day, place=str)
    _add(kinds, "working-day", _working_day, "若干个工作日之后的日期", add=whole)
    _add(kinds, "id", _id, "校验公民身份号码").add_argument("number", metavar="号码")
    _add(kinds, "uscc", _uscc, "校验统一社会信用代码").add_argument("number", metavar="代码")
    contribution, tier, late_fee, working_day = (kinds.choices[name] for name in ("contribution", "tier", "late-fee", "working-day"))
    contribution.add_argument("--declared-wage", type=amount, required=True, metavar="元", help="申报工资")
    contribution.add_argument("--injury-class", type=whole, default=1, metavar="类", help="工伤行业风险类别，默认 1")
    contribution.add_argument("--types", metavar="险种", help=f"只算这些险种，用逗号分开：{','.join(i.key for i in INSURANCES)}")
    contribution.add_argument(
        "--size", choices=tuple(UNIT_SIZES), default="", help="企业规模，只在有阶段性减免的月份需要；none 表示非企业单位"
    )
    tier.add_argument("--percent", type=whole, required=True, metavar="档次", help="例如 60 表示 60%%")
    late_fee.add_argument("--month", type=month_or_day, metavar="年月", help="费款所属期；停机期间的月份可以补缴而不加收")
    late_fee.add_argument("--insurance", choices=[i.key for i in INSURANCES], help="险种，工伤保险 2011 年上半年费率不同")
    working_day.add_argument("--from", dest="since", type=day, required=True, metavar="日期")
    rule = _add(subparsers, "rule", _rule, "查看一个参数在某日的值", on=month_or_day, place=str)
    rule.add_argument("id", metavar="参数名")
    _add(subparsers, "rules", _rules, "查看一个地区的全部参数", place=str)


def _add(
    subparsers: "argparse._SubParsersAction[Any]",
    name: str,
    command: Callable[[argparse.Namespace], int],
    help_text: str,
    **options: Callable[[str], object],
) -> argparse.ArgumentParser:
    """One command with its options (all required but --place) and --json."""
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=help_text, description=help_text)
    metavars = {"on": "年月或日期", "place": "地区代码", "principal": "元", "due": "日期", "paid": "日期", "add": "天数"}
    for option, read in options.items():
        required = option != "place"
        default = None if required else PLACE
        parser.add_argument(f"--{option}", type=read, required=required, default=default, metavar=metavars[option])
    parser.add_argument("--json", action="store_true", help="以 JSON 输出")
    parser.set_defaults(func=answering(command))
    return parser


def _contribution(args: argparse.Namespace) -> int:
    from shebao.policy.levy import month_rates
    from shebao.policy.levy_explained import explain_month
    from shebao.policy.rulebook import standard

    month = month_of(args.on)
    rates = month_rates(standard(), month, args.place)
    mask, unknown = _wanted(args.types, rates)
    explained = explain_month(args.declared_wage, mask, args.injury_class, month, args.place, standard(), args.size)
    owed = {insurance: _type_owed(insurance, explained) for insurance in INSURANCES if mask & insurance.flag and insurance in rates.types}
    if not args.json:
        _print_contribution(owed, unknown, explained)
        return 0
    types: dict[str, Any] = {insurance.key: _texts(parts) for insurance, parts in owed.items()}
    return _json(
        {
            "place": args.place,
            "month": f"{month // 100}-{month % 100:02d}",
            "types": types | dict.fromkeys(insurance.key for insurance in unknown),
            "unit_total": yuan(explained.amount("unit_total")),
            "person_total": yuan(explained.amount("person_total")),
            "missing": list(unknown.values()),
            "explain": [step.to_dict() for step in explained.steps],
        }
    )


def _wanted(types: str | None, rates: "MonthRates") -> tuple[int, dict[Insurance, str]]:
    """The mask to assess, and for types that are levied but whose value is unknown the sentence that says so.

    When types are named, or none is known, an unknown one is an error. Raises: BadArgument, RuleMissing.
    """
    if types is not None:
        by_key = {insurance.key: insurance for insurance in INSURANCES}
        keys = types.split(",")
        for key in keys:
            if key not in by_key:
                raise BadArgument(f"没有名为“{key}”的险种，可选：{'、'.join(by_key)}")
        return mask_of([by_key[key] for key in keys]), {}
    if not rates.types:
        rates.require(mask_of(INSURANCES))
    return mask_of(rates.types + tuple(rates.merged)), {insurance: error.text for insurance, error in rates.missing.items()}


def _type_owed(insurance: Insurance, explained: "Explained") -> tuple[int | None, int, int]:
    """Base (None for a flat amount), unit part and person part, fen."""
    from shebao.policy.levy import BASE_RULES

    base = explained.amount(BASE_RULES[insurance]) if insurance in BASE_RULES else None
    return base, explained.amount(f"{insurance.key}.{Payer.UNIT.value}"), explained.amount(f"{insurance.key}.{Payer.PERSON.value}")


def _texts(parts: tuple[int | None, int, int]) -> dict[str, str | None]:
    return {name: None if part is None else yuan(part) for name, part in zip(("base", "unit", "person"), parts, strict=True)}


def _print_contribution(owed: dict[Insurance, tuple[int | None, int, int]], unknown: dict[Insurance, str], explained: "Explained") -> None:
    def shown(part: int | None) -> str:
        return "—" if part is None else yuan_shown(part)

    totals = ("合计", "", shown(explained.amount("unit_total")), shown(explained.amount("person_total")))
    rows = [(insurance.label, *(shown(part) for part in parts)) for insurance, parts in owed.items()]
    _table([("险种", "缴费基数", "单位缴纳", "个人缴纳"), *rows, totals], right_from=1)
    for sentence in unknown.values():
        print(f"未计入：{sentence}")
    _print_explained(explained)


def _tier(args: argparse.Namespace) -> int:
    from shebao.policy.flexible import explain_tier
    from shebao.policy.rulebook import standard

    explained = explain_tier(args.percent, month_of(args.on), args.place, standard())
    keys = ("base", "total", "account", "pool")
    if args.json:
        steps = [step.to_dict() for step in explained.steps]
        return _json({key: yuan(explained.amount(key)) for key in keys} | {"explain": steps})
    _table([(explained.step(key).label, yuan_shown(explained.amount(key))) for key in keys], right_from=1)
    _print_explained(explained)
    return 0


def _late_fee(args: argparse.Namespace) -> int:
    from shebao.policy.late_fee import explain_late_fee, stretches
    from shebao.policy.rulebook import standard

    insurance = Insurance[args.insurance.upper()] if args.insurance else None
    month = month_of(args.month) if args.month else None
    days = sum(run.days for run in stretches(args.due, args.paid, args.place, standard(), insurance, month))
    explained = explain_late_fee(args.principal, args.due, args.paid, args.place, standard(), insurance, month)
    if args.json:
        return _json({"days": days, "fee": yuan(explained.amount("fee")), "explain": [step.to_dict() for step in explained.steps]})
    _table([("滞纳天数", str(days)), ("滞纳金", yuan_shown(explained.amount("fee")))], right_from=1)
    _print_explained(explained)
    return 0


def _working_day(args: argparse.Namespace) -> int:
    from shebao.policy.calendar import add_working_days

    found = add_working_days(args.since, args.add).isoformat()
    if args.json:
        return _json({"date": found})
    print(f"{args.since} 之后第 {args.add} 个工作日：{found}")
    return 0


def _id(args: argparse.Namespace) -> int:
    from shebao.base.identifiers import birth_date_of, id_number_problem, sex_of

    problem = id_number_problem(args.number)
    sex, birth = (None, None) if problem else (sex_of(args.number).label, birth_date_of(args.number).isoformat())
    if args.json:
        return _json({"valid": problem is None, "reason": problem, "sex": sex, "birth_date": birth})
    print(problem or f"号码正确，{sex}，{birth} 出生")
    return 0


def _uscc(args: argparse.Namespace) -> int:
    from shebao.base.identifiers import uscc_problem

    problem = uscc_problem(args.number)
    if args.json:
        return _json({"valid": problem is None, "reason": problem})
    print(problem or "代码正确")
    return 0


def _rule(args: argparse.Namespace) -> int:
    from shebao.policy.rulebook import standard

    found = standard().rule(args.id, args.on, args.place)
    if args.json:
        return _json(found.to_dict())
    _table(
        [
            ("参数", f"{found.label}（{found.id}）"),
            ("值", found.shown()),
            ("适用地区", f"{found.place.label}（{found.place.code}）"),
            ("有效期", found.period_shown()),
            ("依据", found.law or "—"),
            ("来源", "；".join(found.source)),
            ("状态", found.status.label),
            ("说明", found.note or "—"),
        ]
    )
    return 0


def _rules(args: argparse.Namespace) -> int:
    from shebao.policy.rulebook import standard

    found = standard().all(args.place)
    if args.json:
        return _json([rule.to_dict() for rule in found])
    _table([("参数", "名称", "地区", "有效期", "状态", "值"), *map(_rule_row, found)])
    return 0


def _rule_row(rule: "Rule") -> tuple[str, ...]:
    return (rule.id, rule.label, rule.place.label, rule.period_shown(), rule.status.label, rule.shown())


def _json(content: object) -> int:
    print(json.dumps(content, ensure_ascii=False, indent=2))
    return 0


def _print_explained(explained: "Explained") -> None:
    print()
    for number, step in enumerate(explained.steps, 1):
        print(f"{number}. {step.label}：{step.expression}")
    print("\n所用参数")
    for rule in explained.rules:
        law = f"，{rule.law}" if rule.law else ""
        print(f"- {rule.label}（{rule.id}，{rule.place.label}，{rule.period_shown()}{law}）：{rule.shown()}【{rule.status.label}】")


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)


def _table(rows: Iterable[tuple[str, ...]], right_from: int | None = None) -> None:
    print("\n".join(table_lines(rows, right_from)))


def table_lines(rows: Iterable[tuple[str, ...]], right_from: int | None = None) -> list[str]:
    """Columns lined up in a terminal, where a Chinese character is two wide. right_from: first column of numbers."""
    lines = list(rows)
    widths = [max(_width(cell) for cell in column) for column in zip(*lines, strict=True)]
    found = []
    for line in lines:
        cells = []
        for i, (cell, width) in enumerate(zip(line, widths, strict=True)):
            blank = " " * (width - _width(cell))
            cells.append(blank + cell if right_from is not None and i >= right_from else cell + blank)
        found.append("  ".join(cells).rstrip())
    return found
