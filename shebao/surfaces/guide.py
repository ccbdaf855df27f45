"""办事指南 generated from an item's declaration: nothing in it can go out of date against what the system does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from shebao.base.clock import ZONE
from shebao.casework.fields import Field, Kind
from shebao.casework.item import Audience, Context, Review, ServiceItem, items
from shebao.papers.contracts import PaperKind
from shebao.surfaces.initials import initials, is_letters

KINDS = {
    Kind.ID_NUMBER: "18 位身份号码",
    Kind.NAME: "姓名",
    Kind.TEXT: "文字",
    Kind.MONEY: "金额（元）",
    Kind.MONTH: "年月，6 位数字",
    Kind.DATE: "日期",
    Kind.CHOICE: "选一项",
    Kind.MANY: "可选多项",
    Kind.MOBILE: "11 位手机号码",
    Kind.PHOTO: "相片文件",
    Kind.PHONE: "座机（含区号）或手机号码",
    Kind.EMAIL: "邮箱地址",
    Kind.POSTCODE: "6 位数字",
    Kind.USCC: "18 位代码",
    Kind.NUMBER: "整数",
    Kind.LONG_TEXT: "文字，可分行",
    Kind.CONSENT: "阅读后勾选同意",
    Kind.WORD: "按提示输入确认",
}
LETTERS_MIN = 2  # of pinyin initials: one letter finds everything


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a way through an item."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    """The way of one kind of unit, from typing to the end. `automatic`: the system reviews."""

    name: str
    automatic: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way in. `url`: where it begins, with {slug}; empty when there is no page."""

    name: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    """What the page shows beside the item's own words."""

    channels: tuple[Channel, ...]
    fields: tuple[tuple[str, str, str], ...]
    refusals: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, str], ...]
    paths: tuple[Path, ...]
    printout: str
    online: bool
    batch_rows_max: int
    on: date


def guide_of(item: ServiceItem, on: date) -> Guide:
    """The guide of an item as of a day."""
    online, counter = Audience.UNIT in item.audience, Audience.COUNTER in item.audience
    return Guide(
        channels=_channels(item),
        fields=tuple((f.label, "必填" if f.required else "选填", _how(f)) for f in item.fields),
        refusals=tuple((code, text) for code, text in item.refusal_codes.items() if "-W" not in code),
        warnings=tuple((code, text.removeprefix("提醒：")) for code, text in item.refusal_codes.items() if "-W" in code),
        paths=(*(_paths(item, on) if online else ()), *((_counter_path(),) if counter else ())),
        printout=PaperKind(item.printout).label if item.printout else "",
        online=online,
        batch_rows_max=item.batch_rows_max if online else 0,
        on=on,
    )


def _channels(item: ServiceItem) -> tuple[Channel, ...]:
    found = []
    if Audience.UNIT in item.audience:
        found.append(Channel("网页单个办理", "登录后逐项填写，边填边校验，提交前看到对缴费的影响", f"/u/items/{item.slug}/"))
        if item.batch_rows_max:
            text = f"下载模板填好后上传，一次最多 {item.batch_rows_max:,} 人，错误逐行列出、可在网页上改"
            found.append(Channel("网页批量办理（Excel）", text, f"/u/items/{item.slug}/batch"))
        found.append(Channel("开放接口", "单位自己的人事系统直接申报，与网页同一套校验", "/api/v1/"))
    if Audience.COUNTER in item.audience:
        found.append(Channel("经办机构窗口", "携带材料到所属经办机构，由工作人员录入，另一人审核；可先在网上预约", ""))
    return tuple(found)


def _paths(item: ServiceItem, on: date) -> tuple[Path, ...]:
    """Who reviews is asked of the declaration itself, once for each kind of unit."""
    moment = datetime.combine(on, time(9), ZONE)
    found = []
    for name, vip in (("VIP 单位", True), ("普通单位", False)):
        automatic = item.review(Context(0, 0, "", vip, on, moment)) is Review.AUTOMATIC
        found.append(Path(name, automatic, _steps(item, automatic)))
    if found[0].automatic == found[1].automatic:
        return (Path("所有单位", found[0].automatic, found[0].steps),)
    return tuple(found)


def _steps(item: ServiceItem, automatic: bool) -> tuple[Step, ...]:
    first = (
        Step("录入", "填写红色的必录项；已登记的信息自动带出，不符合规则的立即提示"),
        Step("保存", "生成业务顺序号，存入待办任务；保存不等于提交，之后还可以修改或退单"),
        Step("核对、提交审批", "核对填写内容和对缴费的影响，确认后提交"),
    )
    if automatic:
        return (*first, Step("系统自动审核", "通常几分钟内完成；通过的进入已办任务，审批结果为“结束”，立即生效"), _keep())
    printed = f"打印《{PaperKind(item.printout).label}》，" if item.printout else ""
    return (
        *first,
        Step("窗口审核", f"{printed}携带下列材料到所属经办机构；可先在“申报业务预约”选好时间"),
        Step("查看结果", "通过的为“结束”，立即生效；不通过的退回待办任务，看“回退原因”，修改后用原业务顺序号重新提交"),
    )


def _keep() -> Step:
    return Step("留存资料", "材料不用送到窗口，由单位妥善保存，以备经办机构核查")


def _counter_path() -> Path:
    steps = (
        Step("准备材料", "按下面的清单准备原件和复印件，可先在网上预约窗口"),
        Step("窗口受理", "工作人员当面录入并核对，给出业务顺序号"),
        Step("审核", "由另一位工作人员审核；需要补正的一次告知"),
        Step("办结", "审核通过即生效，打印结果"),
    )
    return Path("窗口办理", False, steps)


def _how(f: Field) -> str:
    options = "、".join(label for _, label in f.choices[:6]) + (" 等" if len(f.choices) > 6 else "")
    return "；".join(part for part in (KINDS.get(f.kind, ""), options, f.hint) if part)


def matching(query: str) -> Sequence[ServiceItem]:
    """Items whose title, words, initials or summary hold the query, best first: 入职 and zy both find 增员（续保）."""
    ranked = []
    for item in items():
        rank = _rank(item, query.strip())
        if rank is not None:
            ranked.append((rank, item))
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]


def _rank(item: ServiceItem, query: str) -> int | None:
    if not query:
        return None
    if query in item.title:
        return 0
    if any(query in word or word in query for word in item.guide.words):
        return 1
    if is_letters(query) and len(query) >= LETTERS_MIN:
        spelled = [initials(text) for text in (item.title, *item.guide.words)]
        return 2 if any(query.lower() in each for each in spelled) else None
    return 3 if query in item.guide.summary or any(query in f.label for f in item.fields) else None
