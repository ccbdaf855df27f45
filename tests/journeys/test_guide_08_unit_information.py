"""单位一般信息变更: the form opens with what is registered; the change is true at once, for ordinary units too, and on record.

Follows seed 004, 单位篇 八、网上办理单位一般信息变更 ("联系人姓名、联系人电话、传真号码、邮箱地址、邮政编码、单位联系电话、单位地址等一般信息发生变化时").
"""

import random
import re

from playwright.sync_api import expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn


def test_a_unit_changes_its_general_information(signed_in: SignedIn) -> None:
    """八、(三) 办事程序, (四) 注意事项 1 and 2."""
    clerk, fax = signed_in("unit"), f"027-8{random.SystemRandom().randrange(10**7):07d}"
    clerk.goto("/u/unit")
    expect(clerk.locator("main")).to_contain_text("重点信息变更，请携带相关资料到经办机构窗口办理")
    clerk.get_by_role("link", name="单位一般信息变更").first.click()
    clerk.goto("/u/items/change-unit/new")
    contact = clerk.locator("#id_contact_name").input_value()
    assert contact, "the form opens with what is registered"
    clerk.get_by_role("button", name="保存，去核对").click()
    assert any("没有需要变更的" in text for text in filing.told(clerk)), filing.told(clerk)

    filing.fill(clerk, {"fax": fax, "email": "hr@example.com", "postcode": "43001"})
    expect(clerk.locator("#id_postcode_box")).to_contain_text("邮政编码")
    filing.fill(clerk, {"postcode": "430014"})
    filing.save(clerk)
    changes = clerk.locator("section", has=clerk.get_by_role("heading", name="变更前后", exact=True))
    expect(changes.get_by_role("row", name=re.compile("传真号码"))).to_contain_text(fax)
    expect(changes).not_to_contain_text(contact)
    filing.submit(clerk)
    filing.ended(clerk)

    clerk.goto("/u/unit")
    expect(clerk.locator("main")).to_contain_text(fax)
    history = clerk.locator("section", has=clerk.get_by_role("heading", name="登记变更记录"))
    expect(history.get_by_role("row", name=re.compile(f"传真号码.*{fax}", re.DOTALL))).to_be_visible()
    clerk.goto("/u/unit?as_of=2026-11-15")
    expect(clerk.locator("main")).to_contain_text("以下为登记库截至 2026-11-15 的记载")
    expect(clerk.locator("main")).not_to_contain_text(fax)


def test_the_movements_of_a_month_are_listed_add_up_and_can_be_taken_away(signed_in: SignedIn) -> None:
    """网申指南: 单位增减员异动表导出."""
    clerk, person = signed_in("vip"), filing.newcomer()
    filing.added(clerk, person)
    filing.ended(clerk)
    clerk.goto("/u/changes")
    figures = [int(text.replace(",", "")) for text in re.findall(r"[\d,]+", clerk.locator(".totals").inner_text())]
    assert figures[0] + figures[1] - figures[2] == figures[3], figures
    clerk.get_by_label("异动类别").select_option("add")
    clerk.get_by_role("button", name="查询").click()
    row = clerk.get_by_role("row", name=re.compile(person.name))
    expect(row).to_contain_text("增员")
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="导出 Excel").click()
    lines = filing.sheet_of(download.value.path())
    assert {line[1] for line in lines[2:]} == {"增员"} and person.id_number in {line[3] for line in lines[2:]}
    assert len(lines) - 2 == figures[1]

    clerk.goto("/u/staff?insurance=110")
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="导出 Excel").click()
    roster = filing.sheet_of(download.value.path())
    assert person.id_number in {line[2] for line in roster[2:]} and len(roster) > 100
