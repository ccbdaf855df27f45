"""个人一般信息变更: what changed is on record beside what was, and the register can be asked for any day.

Follows seed 004, 单位篇 七、网上办理职工一般信息变更 ("文化程度、婚姻状况、民族、参保人联系手机、参保人联系电话、户口所在地、居住地地址、照片等
一般信息发生变化时可通过“个人一般信息变更”模块进行办理"; "其他职工重点信息变更时，要携带相关资料到辖区社保经办机构审核办理").
"""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.journeys import filing
from tests.journeys.conftest import SignedIn
from tests.journeys.filing import Newcomer


@pytest.fixture
def clerk(signed_in: SignedIn) -> Page:
    return signed_in("vip")


@pytest.fixture
def insured(clerk: Page) -> Newcomer:
    """Somebody whom the VIP unit has just insured."""
    person = filing.newcomer()
    filing.added(clerk, person)
    filing.ended(clerk)
    return person


def portrait() -> bytes:
    """A red ground with nobody on it, in the size of a one-inch photo."""
    target = io.BytesIO()
    Image.new("RGB", (358, 441), (190, 30, 35)).save(target, "JPEG")
    return target.getvalue()


def test_general_information_changes_at_once_and_what_was_stays_on_record(clerk: Page, insured: Newcomer) -> None:
    """七、(三) 办事程序, (四) 注意事项 1: by itself, with before and after, the photo too."""
    clerk.goto("/u/items/change-person/new")
    filing.look_up(clerk, insured.id_number)
    expect(clerk.locator("#found")).to_contain_text("未登记")
    expect(clerk.locator("#id_name")).to_have_value(insured.name)
    expect(clerk.locator("#id_mobile")).to_have_value(insured.mobile)
    photo = {"name": "相片.jpg", "mimeType": "image/jpeg", "buffer": portrait()}
    clerk.locator("input[type=file]").set_input_files(photo)
    filing.fill(clerk, {"education": "21", "marriage": "2", "mobile": "13900007777", "home_address": "武汉市江岸区示例路 7 号"})
    filing.save(clerk)
    changes = clerk.locator("section", has=clerk.get_by_role("heading", name="变更前后", exact=True))
    for label, before, after in (
        ("文化程度", "未登记", "大学本科"),
        ("婚姻状况", "未登记", "已婚"),
        ("参保人联系手机", insured.mobile, "13900007777"),
        ("照片", "未登记", "本次上传的照片"),
    ):
        expect(changes.get_by_role("row", name=re.compile(label))).to_contain_text(re.compile(f"{before}.*{after}", re.DOTALL))
    filing.submit(clerk)
    filing.ended(clerk)

    clerk.goto(f"/u/staff?q={insured.id_number}")
    clerk.get_by_role("link", name=insured.name, exact=True).click()
    expect(clerk.locator("main")).to_contain_text("大学本科")
    history = clerk.locator("section", has=clerk.get_by_role("heading", name="登记变更记录"))
    expect(history.get_by_role("row", name=re.compile("参保人联系手机.*13900007777", re.DOTALL))).to_be_visible()
    expect(history).to_contain_text(insured.mobile)  # what was is not lost

    # Nobody like that yesterday; the page says since when, and leads back.
    clerk.goto(f"/u/staff?q={insured.id_number}&as_of=2026-11-15")
    expect(clerk.locator("main")).to_contain_text("以下为登记库截至 2026-11-15 的记载")
    expect(clerk.locator("main")).to_contain_text("没有符合条件的人员")
    clerk.get_by_role("link", name="查看现在的情况").click()
    expect(clerk.locator("main")).not_to_contain_text("以下为登记库截至")


def test_nothing_to_change_and_key_information_are_refused_with_the_way_to_the_counter(clerk: Page, insured: Newcomer) -> None:
    """七、(四) 注意事项 2."""
    clerk.goto("/u/items/change-person/new")
    filing.look_up(clerk, insured.id_number)
    clerk.get_by_role("button", name="保存，去核对").click()
    assert any("没有需要变更的" in text and "窗口办理" in text for text in filing.told(clerk)), filing.told(clerk)
    filing.fill(clerk, {"name": "王示例", "marriage": "1"})
    clerk.get_by_role("button", name="保存，去核对").click()
    assert any("姓名与参保登记的不一致" in text and "窗口办理" in text for text in filing.told(clerk)), filing.told(clerk)


def test_a_day_that_cannot_be_asked_for_is_told_why(clerk: Page) -> None:
    """I2: the register as it was known on any day."""
    for day, told in (("2026-12-01", "不能晚于今天"), ("1999-01-01", "早于登记库的第一条记载"), ("昨天", "2026-10-31 的样子")):
        clerk.goto(f"/u/staff?as_of={day}")
        expect(clerk.locator("main")).to_contain_text(told)
