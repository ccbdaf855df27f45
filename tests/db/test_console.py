"""The console, command by command: what it answers, what it refuses (one Chinese sentence, exit code 2, nothing lost), and its help."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.levy.models import Bill
from shebao.site import command, console_debit, partners
from tests import make
from tests.db import debit_support as bank
from tests.db import support
from tests.db.support import as_owner, ask, moment

NOW = "2026-11-20T10:00:00"
TABLES = ("levy_flexdue", "levy_debitbatch", "levy_bill", "levy_run", "levy_recalculation", "levy_statement", "ledger_entry", "ledger_closing",
          "accounts_settlement", "accounts_entry")  # fmt: skip


@pytest.fixture(scope="module")
def hall(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("console")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHEBAO_NOW", NOW)
        patch.setattr(settings, "PARTNERS", folder / "partners")
        patch.setattr(settings, "TAX_URL", "")
        patch.setattr(settings, "BANK_FOLDER", "")
        patch.setattr(partners, "own_private_key", bank.OUR_KEY.private_bytes_raw)
        patch.setattr(partners, "bank_keys", lambda: [bank.BANK_PUBLIC])
        support.make_agency()
        as_owner("update parties_agency set district = '420106'")
        for name in ("cai", "wu"):
            make.finance(username=name)
        make.reviewer(username="shen")
        unit = make.unit(people=2)
        support.assess(202610, at=moment(202610, 25))
        who = make.flexible(tier=60, since=202609, dues=[202609, 202610])
        (debtor,) = bank.people(1)
        bank.owe([debtor], [202611])
        number = ask("select number from parties_person where id = %s", [who.person_id])[0][0]
        yield {"unit": unit, "who": who, "number": str(number), "folder": folder, "debtor": debtor}


@pytest.fixture(autouse=True)
def on_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", NOW)


def state() -> list[Any]:
    return [as_owner(f"select count(*), md5(string_agg(t::text, ',' order by t::text)) from {table} t")[0] for table in existing()]


def existing() -> list[str]:
    return [table for table in TABLES if as_owner("select to_regclass(%s)::text", [table])[0][0]]


def run(capsys: pytest.CaptureFixture[str], *given: str) -> tuple[int, str, str]:
    capsys.readouterr()
    try:
        code = command.main(list(given))
    except SystemExit as left:
        code = int(left.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


REFUSED = [
    ("flexible dues 9999999999", "没有个人编号为“9999999999”的人，请核对个人编号"),
    ("flexible assess {number} --tier 65 --from 2026-09 --to 2026-10", "65%"),
    ("flexible assess {number} --tier 60 --from 2026-10 --to 2026-09", "所属期起不能晚于所属期止"),
    ("flexible assess {number} --tier 60 --from 2026-09 --to 2027-01", "还没有到"),
    ("flexible assess {number} --tier x --from 2026-09 --to 2026-10", "参数 --tier：“x”不是有效的整数"),
    ("flexible assess {number} --from 2026-09 --to 2026-10", "缺少参数 --tier"),
    ("flexible owe --month 2027-03", "2027 年 3 月"),
    ("flexible owe --month 2026-13", "参数 --month："),
    ("flexible lapse --year 2026", "可缴到 2026-12-31"),
    ("flexible", "缺少参数 操作"),
    ("debit build --bank 102", "协作银行没有“102”"),
    ("debit build --bank 403 --month 2026-10", "已经过去"),
    ("debit build --bank 403 --month 2026-12", "还没有到"),
    ("debit send PK000 --by cai", "没有批次“PK000”，请用 shebao debit show 查看批次号"),
    ("debit post PK000", "没有批次“PK000”"),
    ("debit recall PK000", "没有批次“PK000”"),
    ("debit show PK000", "没有批次“PK000”"),
    ("debit receive {folder}/nothing.txt", "读不到文件"),
    ("debit receive {folder}", "读不到文件"),
    ("debit receive {junk}", "没有入账"),
    ("tax send", "没有配置税务：请设置 SHEBAO_TAX_URL"),
    ("tax ask HD1", "没有配置税务"),
    ("tax day 2026-11-19", "没有配置税务"),
    ("tax day 19.11.2026", "不是有效的日期，请按 2025-11-03 的形式填写"),
    ("account settle 2026", "2026 年还没有结束，不能结算个人账户；请在次年办理"),
    ("account settle 2015", "记账利率尚未公布或未见文件"),
    ("account settle 今年", "不是有效的整数"),
    ("account show 9999999999", "没有编号为“9999999999”的人员，或者此人在 420100 没有个人账户"),
    ("account explain 9999999999 --year 2024", "没有编号为“9999999999”的人员"),
    ("account explain --year 2024 --credits 1,2", "每月记账额请写 12 个用逗号分开的金额"),
    ("account explain --year 2024 --credits=-5", "参数 --credits：金额不能为负数"),
    ("account explain --year 2024 --credits 1.2.3", "参数 --credits："),
    ("account explain --year 2024 --opening 1.234", "参数 --opening："),
    ("recalculate --from 2026-10 --to 2026-10", "请用 --account 写明试算人的用户名"),
    ("recalculate --from 2026-10 --to 2026-10 --account nobody", "请用 --account 写明试算人的用户名"),
    ("recalculate --from 2026-11 --to 2026-10 --account shen", "起始年月不能晚于"),
    ("recalculate --from 2026-11 --to 2026-10 --dry-run", "起始年月不能晚于"),
    ("reconcile --day 2026-11-19", "收入户"),
    ("reconcile --day 2026-11-19 --statement {folder}/nothing.txt", "读不到文件"),
    ("reconcile --day 2026-11-19 --statement {junk}", "首行"),
    ("reconcile", "缺少参数 --day"),
    ("books close-day --to 2026-11-25 --account cai", "2026-11-2"),
    ("books close-day --to 2026-11-19 --account shen", "没有基金财务岗位，不能结账"),
    ("books close-month 2026-10 --account nobody", "不存在、已停用或没有基金财务岗位"),
    ("books close-month 2026-10 --confirm --account cai", "月结"),
    ("books month 2026-00", "参数 年月："),
    ("books trial --on 2026-02-30", "不是有效的日期"),
    ("statement 99999999 --month 2026-10", "没有编号为“99999999”的单位"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "told"), REFUSED, ids=[words for words, _ in REFUSED])
def test_what_is_refused_is_one_sentence_with_exit_code_2_and_changes_nothing(
    hall: dict[str, Any], words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    junk = hall["folder"] / "junk.txt"
    junk.write_bytes("不是文件\n".encode() * 40)
    before = state()
    code, out, err = run(capsys, *(w.format(number=hall["number"], folder=hall["folder"], junk=junk) for w in words.split()))
    assert (code, out) == (2, ""), (code, out, err)
    assert told in err and err.count("\n") == 1 and "Traceback" not in err and "Error" not in err, err
    assert state() == before


def told(capsys: pytest.CaptureFixture[str], *given: str, code: int = 0) -> Any:
    found, out, err = run(capsys, *given, "--json")
    assert found == code, err
    return json.loads(out)


def test_flexible_owes_a_month_once_and_tells_what_it_made(hall: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    made = told(capsys, "flexible", "owe", "--month", "2026-11")
    assert (made["kind"], made["month"], made["state"]) == ("flexible_month", 202611, "done") and made["dues"] >= 1
    code, _, err = run(capsys, "flexible", "owe", "--month", "2026-11")
    assert code == 2 and "2026 年 11 月" in err
    months = [due["month"] for due in told(capsys, "flexible", "dues", hall["number"])["dues"]]
    assert months == ["2026-09", "2026-10", "2026-11"]
    code, out, _ = run(capsys, "flexible", "dues", hall["number"])
    assert code == 0 and out.splitlines()[0].split()[0] == "所属期" and "899.52" in out
    found = told(capsys, "flexible", "assess", hall["number"], "--tier", "100", "--from", "2026-09", "--to", "2026-10")
    assert found["total"] == "2998.40" and found["months"][0]["explain"]


def test_a_debit_from_build_to_booking_with_two_people(hall: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert "还没有批次" in run(capsys, "debit", "show")[1]
    made = told(capsys, "debit", "build", "--bank", "403")
    assert (made["state"], made["lines"], made["total"]) == ("built", 1, "899.52")
    number = made["batch"]
    code, _, err = run(capsys, "debit", "build", "--bank", "403")
    assert code == 2 and "已经生成" in err
    code, _, err = run(capsys, "debit", "send", number, "--by", "shen")
    assert code == 2 and "“shen”不是基金财务岗位的账号" in err
    code, _, err = run(capsys, "debit", "post", number)
    assert told(capsys, "debit", "show", number)["state"] == "built", "posting what was never answered books nothing"
    assert told(capsys, "debit", "recall", number)["state"] == "recalled"
    code, _, err = run(capsys, "debit", "recall", number)
    assert code == 2 and "只有还没有发送的批次可以撤销" in err
    again = told(capsys, "debit", "build", "--bank", "403")["batch"]
    out = hall["folder"] / "to-the-bank"
    assert told(capsys, "debit", "send", again, "--by", "wu", "--to", str(out))["state"] == "sent"
    assert [p.name for p in out.iterdir()] == [f"DK_{again}_01.txt"]
    before = state()
    assert told(capsys, "debit", "send", again, "--by", "wu", "--to", str(out))["state"] == "sent"
    assert state() == before and len(list(out.iterdir())) == 1, "sending again puts the same file and changes nothing"
    found = bank.fresh(ask("select id from levy_debitbatch where number = %s", [again])[0][0])
    answer = hall["folder"] / "answer.txt"
    answer.write_bytes(bank.answer(found, out))
    posted = told(capsys, "debit", "receive", str(answer))
    assert (posted["state"], posted["paid_lines"], posted["paid"]) == ("posted", 1, "899.52")
    code, _, err = run(capsys, "debit", "receive", str(answer))
    assert code == 2 and "没有重复入账" in err
    assert told(capsys, "debit", "post", again)["state"] == "posted", "again is harmless"
    shown = told(capsys, "debit", "show", again)
    assert shown["results"] == [{"result": "00", "label": "扣款成功", "lines": 1, "amount": "899.52"}]
    assert {row["batch"] for row in told(capsys, "debit", "show")} == {number, again}


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        ("ended", "update access_grant set to_date = %s where account_id = %s"),
        ("not-begun", "update access_grant set from_date = %s::date + 1 where account_id = %s"),
        ("disabled", "update access_account set disabled_at = %s where id = %s"),
    ],
)
def test_whose_finance_post_does_not_hold_today_confirms_nothing(hall: dict[str, Any], what: str, sql: str) -> None:
    today = date.fromisoformat(NOW[:10])
    name = f"former-{what}"
    account = make.finance(username=name).account_id
    assert console_debit.confirmer(name, today).account_id == account
    as_owner(sql, [today, account])
    with pytest.raises(console_debit.NotFinance, match="岗位已到期、账号已停用"):
        console_debit.confirmer(name, today)
    if what == "ended":  # the last day is the day before
        assert console_debit.confirmer(name, today - timedelta(days=1)).account_id == account


def test_books_balance_and_close_by_two_people(hall: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    trial = told(capsys, "books", "trial", "--on", "2026-10-31")
    assert trial["balanced"] and trial["accounts"]
    code, out, _ = run(capsys, "books", "trial", "--on", "2026-10-31")
    assert code == 0 and "借贷平衡" in out
    assert told(capsys, "books", "month", "2026-10")["state"] == "未月结"
    with acting(ENGINE):
        days = Bill.objects.order_by("issued_on").values_list("issued_on", flat=True).first()
    closed = told(capsys, "books", "close-day", "--to", "2026-10-31", "--account", "cai")
    assert closed["days"][-1] == "2026-10-31" and date.fromisoformat(closed["days"][0]) <= days  # type: ignore[operator]
    code, _, err = run(capsys, "books", "close-day", "--to", "2026-10-31", "--account", "cai")
    assert code == 2 and "日结" in err
    assert told(capsys, "books", "close-month", "2026-10", "--account", "cai") == {
        "place": "420100",
        "month": "2026-10",
        "confirmed": False,
    }
    code, _, err = run(capsys, "books", "close-month", "2026-10", "--confirm", "--account", "cai")
    assert code == 2 and "同一人" in err
    assert told(capsys, "books", "close-month", "2026-10", "--confirm", "--account", "wu")["confirmed"]
    assert told(capsys, "books", "month", "2026-10")["state"] == "已月结"


def test_recalculate_finds_nothing_changed_and_says_so(hall: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "recalculate", "--from", "2026-10", "--to", "2026-10", "--dry-run")
    assert (code, out.strip()) == (0, "所选月份的参数与核定时相同，没有需要重新核定的月份")
    assert told(capsys, "recalculate", "--from", "2026-10", "--to", "2026-10", "--dry-run") == {"changes": {}}


def test_accounts_are_shown_and_settlements_listed(hall: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "account", "show") == []
    code, out, _ = run(capsys, "account", "show")
    assert (code, out.strip()) == (0, "还没有结算过")
    made = told(capsys, "account", "explain", "--year", "2024", "--opening", "10000", "--credits", "500")
    assert made["closing"] and made["yearly"]


COMMANDS = [
    "", "flexible", "flexible owe", "flexible lapse", "flexible dues", "flexible assess", "debit", "debit build", "debit send",
    "debit receive", "debit post", "debit show", "debit recall", "tax", "tax send", "tax ask", "tax day", "account", "account settle",
    "account show", "account explain", "recalculate", "reconcile", "books", "books trial", "books month", "books close-day",
    "books close-month", "statement",
]  # fmt: skip
ENGLISH = ("usage:", "options:", "positional arguments:", "show this help message and exit", "optional arguments:")


@pytest.mark.parametrize("words", COMMANDS, ids=[w or "shebao" for w in COMMANDS])
def test_help_is_in_chinese(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *words.split(), "--help")
    assert (code, err) == (0, "") and "用法" in out
    assert not [english for english in ENGLISH if english in out], out


def test_a_reader_that_goes_away_is_no_trouble(hall: dict[str, Any]) -> None:
    script = f"{sys.executable} -m shebao.site.command rules | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and "Traceback" not in done.stderr and done.stdout.count("\n") == 1
