"""shebao calc …, shebao rule, shebao rules: answers as text and JSON, and refusals as one sentence with exit code 2."""

import json
import subprocess
import sys
from typing import Any

import pytest

from shebao.channels.console import Parser
from shebao.channels.console.policy import register


def _run(*words: str) -> int:
    parser = Parser(prog="shebao")
    register(parser.add_subparsers(dest="command", required=True))
    args = parser.parse_args(words)
    code: int = args.func(args)
    return code


def _json(capsys: pytest.CaptureFixture[str], command: str) -> Any:
    assert _run(*command.split(), "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_month_of_one_person_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    data = _json(capsys, "calc contribution --on 2025-11 --place 420100 --declared-wage 8000 --injury-class 1")
    assert data["types"] == {
        "pension": {"base": "8000.00", "unit": "1280.00", "person": "640.00"},
        "unemployment": {"base": "8000.00", "unit": "56.00", "person": "24.00"},
        "injury": {"base": "8000.00", "unit": "16.00", "person": "0.00"},
        "medical": {"base": "8000.00", "unit": "696.00", "person": "160.00"},
        "large_medical": {"base": None, "unit": "0.00", "person": "7.00"},
    }
    assert (data["unit_total"], data["person_total"], data["missing"]) == ("2048.00", "831.00", [])
    assert all({"label", "expression", "amount", "rules"} <= set(step) for step in data["explain"])
    assert any(rule["source"] and rule["valid_from"] and rule["status"] for step in data["explain"] for rule in step["rules"])


def test_a_month_in_which_one_type_is_unknown_says_so_and_leaves_it_out(capsys: pytest.CaptureFixture[str]) -> None:
    data = _json(capsys, "calc contribution --on 2011-09 --place 420100 --declared-wage 3275.30")
    assert data["types"]["maternity"] == {"base": "3275.30", "unit": "22.93", "person": "0.00"}
    assert data["types"]["large_medical"] is None
    assert len(data["missing"]) == 1
    assert "large_medical.amount" in data["missing"][0]
    assert data["unit_total"] == "1021.90"


def test_chosen_types_only(capsys: pytest.CaptureFixture[str]) -> None:
    data = _json(capsys, "calc contribution --on 2025-11 --declared-wage 8000 --types pension,injury --injury-class 8")
    assert set(data["types"]) == {"pension", "injury"}
    assert data["types"]["injury"]["unit"] == "152.00"


def test_a_very_high_wage_is_no_mistake_but_capped(capsys: pytest.CaptureFixture[str]) -> None:
    data = _json(capsys, "calc contribution --on 2025-11 --declared-wage 99999999999")
    assert data["types"]["pension"]["base"] == "22488.00"


def test_a_tier_a_late_fee_and_a_working_day_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    tier = _json(capsys, "calc tier --on 2011-09 --place 420100 --percent 60")
    assert {key: tier[key] for key in ("base", "total", "account", "pool")} == {
        "base": "1965.18",
        "total": "393.04",
        "account": "157.21",
        "pool": "235.83",
    }
    assert tier["explain"]
    fee = _json(capsys, "calc late-fee --principal 10000 --due 2025-03-14 --paid 2025-04-13 --place 420100")
    assert (fee["days"], fee["fee"]) == (30, "150.00")
    assert fee["explain"]
    assert _json(capsys, "calc working-day --from 2022-02-15 --add 10") == {"date": "2022-03-01"}


def test_identifiers_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert _json(capsys, "calc id 11010519491231002X") == {"valid": True, "reason": None, "sex": "女", "birth_date": "1949-12-31"}
    wrong = _json(capsys, "calc id 1101051949123100")
    assert wrong == {"valid": False, "reason": "公民身份号码只有 16 位，应为 18 位，请核对", "sex": None, "birth_date": None}
    assert _json(capsys, "calc uscc 91350100M000100Y43") == {"valid": True, "reason": None}
    assert _json(capsys, "calc uscc 91350100M000100Y44")["valid"] is False


def test_rules_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    rule = _json(capsys, "rule pension.base --on 2025-11-03 --place 420100")
    assert rule["value"] == {"average_fen": 749600, "floor_fen": 449800, "cap_fen": 2248800}
    assert (rule["valid_from"], rule["valid_to"], rule["status"]) == ("2025-01-01", "2025-12-31", "repo")
    rules = _json(capsys, "rules --place 420100")
    assert any(rule["value"] is None and rule["status_label"] == "待定" for rule in rules)


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("calc contribution --on 2025-11 --declared-wage 8000", "企业职工基本养老保险  8,000.00  1,280.00    640.00"),
        ("calc contribution --on 2011-09 --declared-wage 8000", "未计入：武汉市"),
        ("calc tier --on 2011-09 --percent 60", "月缴额          393.04"),
        ("calc late-fee --principal 10000 --due 2025-03-14 --paid 2025-04-13", "万分之五|每日 0.05% × 30 天 = 150.00 元"),
        ("calc working-day --from 2022-02-15 --add 10", "2022-03-01"),
        ("calc id 11010519491231002X", "号码正确，女，1949-12-31 出生"),
        ("calc uscc 91350100M000100Y43", "代码正确"),
        ("rule pension.base --on 2025-11", "第三方资料，投产前须核对"),
        ("rules", "large_medical.amount"),
    ],
)
def test_without_json_people_read_a_table(command: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(*command.split()) == 0
    assert part.split("|")[-1] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("calc contribution --on 2015-03 --declared-wage 5000", "pension.base"),
        ("calc contribution --on 2011-09 --declared-wage 5000 --types large_medical", "large_medical.amount"),
        ("calc contribution --on 2025-11 --declared-wage 5000 --types pension,foo", "没有名为“foo”的险种"),
        ("calc contribution --on 2025-11 --declared-wage 5000 --injury-class 9", "没有 9 类"),
        ("calc contribution --on 2025-11 --declared-wage 8,000", "金额请只填数字"),
        ("calc contribution --on 2025-11 --declared-wage 1e3", "金额请只填数字"),
        ("calc contribution --on 2025-11 --declared-wage=-5", "金额不能为负数"),
        ("calc contribution --on 2025-13 --declared-wage 5", "年月请填 6 位数字"),
        ("calc contribution --on 2025-02-30 --declared-wage 5", "不是有效的日期"),
        ("calc contribution --declared-wage 5", "缺少参数 --on"),
        ("calc contribution --on 2025-11 --declared-wage", "后面缺少内容"),
        ("calc contribution --on 2025-11 --declared-wage 5 --colour red", "不认识的参数"),
        ("calc contribution --on 2025-11 --declared-wage 5 --place 999999", "没有地区“999999”的参数"),
        ("calc tier --on 2025-11 --percent 65", "没有 65% 这一缴费档次"),
        ("calc tier --on 2025-11 --percent sixty", "不是有效的整数"),
        ("calc late-fee --principal 1 --due 1990-01-01 --paid 1990-02-01", "late_fee.daily_rate"),
        ("calc late-fee --principal 1 --due 2025-1-1 --paid 2025-02-01", "不是有效的日期"),
        ("calc late-fee --principal 1 --due 2025-01-01 --paid 2025-02-01 --insurance car", "不能是"),
        ("calc working-day --from 2026-12-25 --add 10", "工作日安排只有"),
        ("calc working-day --from 2022-02-15 --add -1", "后面缺少内容|不是有效的整数"),
        ("calc weather", "不能是 'weather'"),
        ("calc", "缺少参数"),
        ("rule pension.rte --on 2025-11", "没有名为“pension.rte”的参数"),
        ("rule pension.base --on 2015-03", "尚未确定"),
        ("rules --place 999999", "没有地区"),
    ],
)
def test_bad_input_is_one_chinese_sentence_and_exit_code_2(command: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = _run(*command.split(" "))
    except SystemExit as stopped:
        code = int(str(stopped.code))
    written = capsys.readouterr()
    assert code == 2
    assert any(option in written.err for option in part.split("|"))
    assert written.out == ""
    assert len(written.err.strip().splitlines()) == 1
    assert "Traceback" not in written.err


def test_the_commands_start_without_django() -> None:
    code = (
        "import sys; from shebao.channels.console import Parser; from shebao.channels.console.policy import register;"
        "p = Parser(); register(p.add_subparsers()); a = p.parse_args(['calc', 'tier', '--on', '2025-11', '--percent', '60']);"
        "assert a.func(a) == 0; assert 'django' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
