"""What online refuses works at the counter: somebody over the age for a first enrolment, four months back, charged to the fen.

Follows seed 004: 武汉市社会保险网上办事业务指南（单位篇）二（四）2 ("超过年龄界限的，网上不提供此类人员新增操作，需携带相关资料到辖区社保经办机构审核办理") and
5 ("补缴时间最长不得超过3个月(含当月);如补缴社会保险费超过3个月的，要携带相关资料到辖区社保经办机构审核办理").
"""

from datetime import date
from random import SystemRandom

from playwright.sync_api import expect

from shebao.base.identifiers import make_id_number
from tests.journeys import desk, filing
from tests.journeys.conftest import SignedIn
from tests.journeys.filing import Newcomer

_CHANCE = SystemRandom()


def older() -> Newcomer:
    """A man of fifty-one or -two whom the hall does not know."""
    born = date(1974, 1 + _CHANCE.randrange(12), 1 + _CHANCE.randrange(28))
    return Newcomer(make_id_number(filing.AREA, born, _CHANCE.randrange(500) * 2 + 1), "周䶮长", "8000")


def test_an_older_person_four_months_back_is_refused_online_and_entered_at_the_counter(signed_in: SignedIn) -> None:
    operator, clerk, reviewer, person = signed_in("unit"), signed_in("clerk"), signed_in("reviewer"), older()
    operator.goto("/u/registration")
    number = operator.locator("main").get_by_text("420100").first.inner_text()
    number = next(word for word in number.replace("　", " ").split() if word.startswith("420100"))
    operator.goto("/u/items/add-employee/new")
    filing.fill(operator, filing.typed(person, backdated_from="202608"))
    operator.get_by_role("button", name="保存，去核对").click()
    told = filing.told(operator)
    assert any("请携带资料到窗口办理" in s and "不满 50 周岁" in s for s in told), told
    assert any("最长 3 个月（含当月）" in s for s in told), told

    clerk.goto(f"/w/counter/{number}/add-employee/new")
    filing.fill(clerk, filing.typed(person, backdated_from="202608"))
    case = desk.save(clerk)
    expect(clerk.locator("main")).to_contain_text("其中 1 人追溯补缴")
    desk.submit(clerk)
    desk.take(reviewer, case)
    expect(reviewer.locator("main")).to_contain_text("不满 50 周岁")  # why it came to the counter
    expect(reviewer.locator("main")).to_contain_text("最长 3 个月（含当月）")
    reviewer.get_by_role("button", name="通过", exact=True).click()
    expect(reviewer.get_by_text("审核通过，已经生效")).to_be_visible()
    operator.goto(f"/u/staff?q={person.id_number}")
    operator.get_by_role("link", name=person.name, exact=True).click()
    expect(operator.locator("main")).to_contain_text("2026 年 8 月")
