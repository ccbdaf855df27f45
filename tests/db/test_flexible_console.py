"""shebao flexible: the cases T1 and T2 on the command line, a person's dues, what a month would cost; the runs."""

import argparse
import json

import pytest

from shebao.site import console_flexible
from tests import make
from tests.db.support import ask

pytestmark = pytest.mark.usefixtures("own_database")


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(console_flexible, "_start", lambda: None)  # the database of the test stands already
    parser = argparse.ArgumentParser()
    console_flexible.register(parser.add_subparsers())
    given = parser.parse_args(["flexible", *words])
    code = given.func(given)
    told = capsys.readouterr()
    return code, told.out, told.err


def number_of(who: make.Flexible) -> str:
    return str(ask("select number from parties_person where id = %s", [who.person_id])[0][0])


@pytest.mark.parametrize(
    ("tier", "base", "total", "account", "pool"),
    [(60, "1965.18", "393.04", "157.21", "235.83"), (300, "9825.90", "1965.18", "786.07", "1179.11")],
)
def test_the_published_amounts_of_2011(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tier: int, base: str, total: str, account: str, pool: str
) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2011-09-10T09:00:00")
    who = make.flexible(tier=tier, since=201109)
    number = number_of(who)
    code, out, _ = run(monkeypatch, capsys, "assess", number, "--tier", str(tier), "--from", "2011-09", "--to", "2011-09", "--json")
    month = json.loads(out)["months"][0]
    assert code == 0 and (month["base"], month["total"], month["account"], month["pool"]) == (base, total, account, pool)
    code, out, _ = run(monkeypatch, capsys, "owe", "--month", "2011-09", "--json")
    assert code == 0 and json.loads(out)["total"] == total
    code, out, _ = run(monkeypatch, capsys, "dues", number, "--json")
    due = json.loads(out)["dues"][0]
    assert (due["base"], due["total"], due["account"], due["pool"], due["state"]) == (base, total, account, pool, "open")


def test_what_cannot_be_done_is_a_sentence_and_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SHEBAO_NOW", "2026-05-10T09:00:00")
    who = make.flexible(since=202603)
    code, _, err = run(monkeypatch, capsys, "assess", number_of(who), "--tier", "60", "--from", "2026-02", "--to", "2026-04")
    assert code == 2 and "只能从参保当月开始缴纳" in err
    code, _, err = run(monkeypatch, capsys, "dues", "999")
    assert code == 2 and "没有个人编号" in err
    code, _, err = run(monkeypatch, capsys, "lapse", "--year", "2026")
    assert code == 2 and "可缴到 2026-12-31" in err
    code, out, _ = run(monkeypatch, capsys, "assess", number_of(who), "--tier", "60", "--from", "2026-03", "--to", "2026-04")
    assert code == 0 and "1,799.04" in out and "平均工资 7,496.00 元 × 60%" in out
    assert ask("select count(*) from levy_bill") == [(0,)]  # looking writes nothing
