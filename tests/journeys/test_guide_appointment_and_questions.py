"""申报业务预约 and 问题报告, from the guide to the counter.

Follows seed 004: the menu "申报业务预约 问题报告" of 网申指南, and 《武汉市社会保险单位网上办事问题解答》四: "参保单位可以通过社会保险网上办事系统提供的
社保办事预约功能进行提前预约，到了预约的时间再去社保经办机构办理业务可以大大减少排队等待时间甚至不用排队了".
"""

import io
import re
import secrets

import pypdfium2
import zxingcpp
from playwright.sync_api import Page, ViewportSize, expect

from tests.journeys.conftest import SignedIn

PHONE = ViewportSize(width=390, height=844)
TOMORROW = "11 月 17 日（周二）"  # the hall's clock says Monday, 16 November 2026


def booked(clerk: Page, day: str, span: str, item: str) -> str:
    """预约 a slot through the grid. Returns the 预约号."""
    clerk.goto("/u/bookings")
    clerk.get_by_label("预约日期").get_by_role("link", name=re.compile(re.escape(day))).click()
    clerk.get_by_role("radio", name=re.compile(f"^{span}")).check()
    clerk.get_by_role("group").or_(clerk.locator("form")).locator("select[name=item]").last.select_option(label=item)
    clerk.get_by_role("button", name="预约", exact=True).click()
    expect(clerk.get_by_text("预约成功，预约号")).to_be_visible()
    return clerk.url.split("/bookings/")[1].split("?")[0]


def left(page: Page, day: str, span: str) -> str:
    """What the grid says beside a slot."""
    page.goto("/u/bookings")
    page.get_by_label("预约日期").get_by_role("link", name=re.compile(re.escape(day))).click()
    return page.locator(".slot", has_text=span).locator(".sub").inner_text()


def test_an_ordinary_unit_books_at_its_office_is_called_and_served(signed_in: SignedIn) -> None:
    """办事指南 → 预约 → 回执 → 取号 → 叫号 → 已办理; the place is gone for others meanwhile."""
    clerk = signed_in("unit", **PHONE)
    clerk.goto("/items/add-employee")
    expect(clerk.get_by_role("heading", name="怎么办：普通单位")).to_be_visible()
    expect(clerk.locator("main")).to_contain_text("可先在“申报业务预约”选好时间")
    before = left(clerk, TOMORROW, "10:00–10:30")
    number = booked(clerk, TOMORROW, "10:00–10:30", "其他业务咨询")
    assert re.fullmatch(r"261117[0-9]{6}", number)
    expect(clerk.locator("main")).to_contain_text("到场取号后显示")
    assert before == "余 3 个" and left(clerk, TOMORROW, "10:00–10:30") == "余 2 个"

    # 回执：号码和二维码
    pdf = clerk.request.get(f"/u/bookings/{number}/ticket.pdf").body()
    paper = pypdfium2.PdfDocument(io.BytesIO(pdf))
    assert len(paper) == 1 and number in paper[0].get_textpage().get_text_range()
    (qr,) = zxingcpp.read_barcodes(paper[0].render(scale=3).to_pil())
    assert qr.text.endswith(f"/w/bookings?code={number}")

    # 同一时段再约一次：说明原因
    clerk.get_by_role("radio", name=re.compile("^10:00–10:30")).check()
    clerk.locator("select[name=item]").last.select_option(label="其他业务咨询")
    clerk.get_by_role("button", name="预约", exact=True).click()
    expect(clerk.locator("#errors")).to_contain_text(f"预约号 {number}，不用重复预约")

    # 不是今天的预约不能取号
    desk = signed_in("clerk")
    desk.goto(f"/w/bookings?code={number}")
    expect(desk.locator("#id_code")).to_have_value(number)
    desk.locator("#check-in, #h-check-in").first.scroll_into_view_if_needed()
    desk.get_by_role("button", name="取号", exact=True).first.click()
    expect(desk.locator("#errors")).to_contain_text("不是今天，不能取号")

    # 今天的：扫码取号（扫到的是网址）、叫号、办理
    today = booked(clerk, "11 月 16 日（周一）", "15:00–15:30", "其他业务咨询")
    desk.goto("/w/bookings")
    desk.locator("#id_code").fill(f"http://127.0.0.1/w/bookings?code={today}")
    desk.get_by_role("button", name="取号", exact=True).first.click()
    expect(desk.locator("main")).to_contain_text(re.compile("取号.*A[0-9]{3}"))
    clerk.goto(f"/u/bookings/{today}")
    expect(clerk.locator("main")).to_contain_text("排队中")
    expect(clerk.locator("main")).to_contain_text("前面还有")
    for _ in range(5):  # those of other journeys may be before
        desk.locator("#id_counter").fill("6")
        desk.get_by_role("button", name="叫下一位").click()
        expect(desk.locator("main")).to_contain_text("请到 6 号窗口")
        if today in (desk.url):
            break
    row = desk.locator("tbody tr", has_text=today)
    expect(row).to_contain_text("办理中")
    clerk.reload()
    expect(clerk.locator("main")).to_contain_text("请到 6 号窗口")
    row.get_by_role("button", name=re.compile("已办理")).click()
    expect(desk.locator("tbody tr", has_text=today)).to_contain_text("已办理")


def test_a_booking_is_moved_and_cancelled_before_its_time(signed_in: SignedIn) -> None:
    clerk = signed_in("unit")
    number = booked(clerk, "11 月 18 日（周三）", "09:30–10:00", "增员（续保）")
    clerk.get_by_role("link", name="改约").click()
    expect(clerk.locator("main")).to_contain_text(f"正在改约 {number}")
    clerk.get_by_label("预约日期").get_by_role("link", name=re.compile("11 月 19 日")).click()
    clerk.get_by_role("radio", name=re.compile("^14:00–14:30")).check()
    clerk.get_by_role("button", name="改约到这个时段").click()
    expect(clerk.locator("main")).to_contain_text("11 月 19 日（周四） 14:00–14:30")
    clerk.goto(f"/u/bookings/{number}")
    expect(clerk.locator("main")).to_contain_text("改约至11 月 19 日（周四）14:00")
    assert left(clerk, "11 月 18 日（周三）", "09:30–10:00") == "余 3 个"
    clerk.goto("/u/bookings")
    clerk.locator("tbody tr", has_text="14:00–14:30").get_by_role("link").first.click()
    clerk.get_by_role("link", name="取消预约").click()
    clerk.get_by_role("dialog").get_by_role("button", name="取消预约").click()
    expect(clerk.locator("main")).to_contain_text("已取消")
    expect(clerk.get_by_role("link", name="打印回执")).to_have_count(0)


def test_the_agency_opens_a_hall_and_closes_a_day(signed_in: SignedIn) -> None:
    """预约设置: hours, 号源, 停办; the unit is told and chooses another day."""
    desk, clerk = signed_in("reviewer"), signed_in("unit")
    hall = f"二楼综合大厅{secrets.randbelow(9000) + 1000}"
    desk.goto("/w/offices")
    desk.get_by_label("大厅名称").fill(hall)
    desk.get_by_role("button", name="保存").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text(hall)
    desk.get_by_label("结束时间").fill("08:00")
    desk.get_by_role("button", name="添加时段").click()
    expect(desk.locator("#errors")).to_contain_text("结束时间要晚于开始时间")
    desk.get_by_label("结束时间").fill("10:00")
    desk.get_by_label("每段名额").fill("1")
    desk.get_by_role("button", name="添加时段").click()
    desk.get_by_role("button", name="生成号源").click()
    expect(desk.locator("main")).to_contain_text("号源已生成")

    clerk.goto("/u/bookings")
    clerk.locator("#f_office").select_option(label=hall)
    clerk.get_by_role("button", name="查看号源").click()
    clerk.get_by_label("预约日期").get_by_role("link", name=re.compile("11 月 20 日")).click()
    clerk.get_by_role("radio", name=re.compile("^09:00–09:30")).check()
    clerk.locator("select[name=item]").last.select_option(label="其他业务咨询")
    clerk.get_by_role("button", name="预约", exact=True).click()
    expect(clerk.get_by_text("预约成功，预约号")).to_be_visible()

    desk.get_by_label("停办日期").fill("2026-11-20")
    desk.get_by_label("原因").fill("消防演练")
    desk.get_by_role("button", name="设为停办").click()
    expect(desk.locator("main")).to_contain_text("1 个预约随之取消")
    clerk.goto("/messages")
    first = clerk.locator("#h-messages").locator("xpath=ancestor::section").locator("tbody tr").first
    expect(first).to_contain_text("预约已取消，请改约")
    expect(first).to_contain_text("消防演练")
    first.get_by_role("link").click()
    expect(clerk.get_by_role("heading", level=1)).to_have_text("申报业务预约")


def test_a_question_goes_to_the_desk_and_its_answer_comes_back(signed_in: SignedIn) -> None:
    """问题报告: ask, claim, answer, ask on, close; 消息 with its badge."""
    clerk, desk = signed_in("unit", **PHONE), signed_in("clerk")
    subject = f"核定单打印不出来 {secrets.randbelow(9000) + 1000}"
    clerk.goto("/u/questions")
    clerk.get_by_role("button", name="提交问题").click()
    expect(clerk.locator("#errors")).to_be_focused()
    clerk.get_by_label("类别").select_option(label="缴费与到账")
    clerk.get_by_label("一句话说明").fill(subject)
    clerk.get_by_label("具体内容").fill("点打印后没有反应。\n浏览器是 Chrome。")
    clerk.get_by_role("button", name="提交问题").click()
    expect(clerk.get_by_text("问题已提交，编号")).to_be_visible()
    number = clerk.url.split("/questions/")[1].split("?")[0]

    desk.goto("/w/questions")
    desk.get_by_role("link", name=subject).click()
    desk.get_by_role("button", name="领取").click()
    desk.locator("#id_text").fill("请允许弹出窗口后再点一次打印。")
    desk.get_by_role("button", name="发出答复").click()
    expect(desk.get_by_text("答复已发出")).to_be_visible()

    clerk.goto("/u/")
    expect(clerk.locator("header.top .badge").first).to_be_visible()
    clerk.goto("/messages")
    clerk.get_by_role("link", name="问题已答复").first.click()
    expect(clerk.locator(".talk li")).to_have_count(2)
    expect(clerk.locator(".talk li.theirs")).to_contain_text("请允许弹出窗口后再点一次打印。")
    clerk.get_by_label("补充或再问").fill("好了，谢谢。")
    clerk.get_by_role("button", name="发送").click()
    expect(clerk.locator(".talk li")).to_have_count(3)
    clerk.get_by_role("link", name="问题已解决，关闭").click()
    clerk.get_by_role("dialog").get_by_role("button", name="关闭").click()
    expect(clerk.get_by_text("问题已关闭")).to_be_visible()
    desk.goto(f"/w/questions/{number}")
    expect(desk.get_by_role("button", name="发出答复")).to_have_count(0)


def test_a_notice_is_written_by_one_published_by_another_and_read_by_all(signed_in: SignedIn) -> None:
    """通知公告: 起草 → 发布 by a second person → public home, portal, desk → 撤回."""
    writer, publisher, visitor, clerk = signed_in("clerk"), signed_in("reviewer"), signed_in(None), signed_in("unit")
    title = "年末办理时间安排（示例）"
    writer.goto("/w/notices")
    writer.get_by_label("标题").fill(title)
    writer.get_by_label("所有人（含未登录）").check()
    writer.get_by_label("正文").fill("12 月 31 日窗口办理到 15:00。")
    writer.get_by_role("button", name="保存草稿").click()
    expect(writer.locator("main")).to_contain_text("起草和发布不能是同一人")
    address = writer.url.split("?")[0]
    visitor.goto("/notices")
    expect(visitor.get_by_role("link", name=title)).to_have_count(0)
    publisher.goto(address)
    publisher.get_by_role("button", name="核对无误，发布").click()
    expect(publisher.get_by_text("已发布").first).to_be_visible()
    visitor.goto("/")
    visitor.get_by_role("link", name=title).click()
    expect(visitor.locator("main")).to_contain_text("窗口办理到 15:00")
    for page, home in ((clerk, "/u/"), (writer, "/w/")):
        page.goto(home)
        expect(page.get_by_role("link", name=title)).to_be_visible()
    publisher.get_by_label("撤回原因").fill("时间有变")
    publisher.get_by_role("button", name="撤回").click()
    expect(publisher.get_by_text("已撤回").first).to_be_visible()
    answer = visitor.goto(visitor.url)
    assert answer is not None and answer.status == 404
