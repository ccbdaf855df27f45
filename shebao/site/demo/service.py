"""The counter halls of the demo city: slots of the coming weeks, some bookings, questions with answers, notices."""

from datetime import date, datetime, time, timedelta

from shebao.access.acting import acting
from shebao.base.actor import Actor, Role
from shebao.base.clock import ZONE
from shebao.base.terms import Post
from shebao.casework.item import items
from shebao.contact import bookings, messages, notices, offices, questions
from shebao.contact.models import Audience, Message, Slot
from shebao.parties.models import Agency
from shebao.policy.calendar import last_day
from shebao.site.demo.accounts import Cast

WEEKS = 3
MORNING, AFTERNOON = (9 * 60, 11 * 60 + 30), (13 * 60 + 30, 16 * 60 + 30)
OTHER = ("other", "其他业务咨询")
QUESTIONS = (
    (
        "unit",
        "item",
        "职工从外地转来，应当先办转移还是先增员？",
        "职工刚从黄石转来，增员时查不到以前的参保记录，应当先办转移还是先增员？",
        True,
    ),
    ("unit", "payment", "核定单已缴费，系统里还显示待缴费", "昨天在税务渠道交的款，今天系统里还是待缴费，要等多久？", False),
    ("vip", "page", "批量模板可以用 WPS 填吗？", "我们单位电脑上只有 WPS，填好的模板能不能直接上传？", True),
)
NOTICES = (
    (
        Audience.ALL,
        "本月增减员窗口审核截止提醒（示例）",
        "普通单位的增员、减员请在每月 20 日前到窗口审核；VIP 单位全月由系统自动审核。\n"
        "需要到窗口的，请先在“申报业务预约”选好时间，到场扫码取号。",
    ),
    (
        Audience.AGENCY,
        "办事大厅开放网上预约（示例）",
        "即日起可以在网上预约到大厅办理业务的时间。预约时段开始前可以随时取消或改约；叫号不到的需要重新取号。",
    ),
)
REPLIES = (
    "先办增员就可以，转移不影响本月参保。请在增员时按身份证填写，系统会新建个人编号；转移手续另行办理，成功后年限合并计算。",
    "可以。用 WPS 打开下载的模板填写，另存为 .xlsx 后上传；不要改动表头。",
)


class Halls:
    """Opens the halls once the city has come to today."""

    def __init__(self, cast: Cast, today: date) -> None:
        self._cast, self._today = cast, today
        self._at = datetime.combine(today - timedelta(days=1), time(15), ZONE)

    def open(self) -> None:
        """Halls of every agency, and what the demo accounts do with theirs."""
        with acting(self._cast["reviewer"]):
            agencies = list(Agency.objects.order_by("id").values_list("id", "name"))
        for agency_id, name in agencies:
            self._hall(Actor(Role.AGENCY, 0, "系统", 0, agency_id, frozenset({Post.CLERK})), name)
        self._book()
        self._ask()
        self._announce()
        self._read()

    def _hall(self, clerk: Actor, agency: str) -> None:
        what = [*((item.code, item.title) for item in items()), OTHER]
        with acting(clerk):
            name = f"{agency.removeprefix('武汉市').split('社会')[0]}社保办事大厅"
            hall = offices.save_office(None, offices.OfficeData(name, "示例路 1 号", "027-85000000"), what, at=self._at)
            for first, last in (MORNING, AFTERNOON):
                offices.add_hours(hall, offices.NewHours((0, 1, 2, 3, 4, 5, 6), first, last, 30, 3), at=self._at)
            day = min(self._today, last_day())
            offices.make_slots(hall, day, min(day + timedelta(weeks=WEEKS), last_day()), at=self._at)

    def _book(self) -> None:
        """A few places, so that the grid shows full ones and the counter has somebody to call."""
        wanted = (("unit", 0, OTHER[0]), ("vip", 0, OTHER[0]), ("unit", 7, items()[0].code))
        for username, nth, code in wanted:
            with acting(self._cast[username]):
                slots = list(Slot.objects.filter(day__gte=self._today).order_by("day", "from_minute", "id")[: nth + 1])
                if len(slots) > nth:
                    bookings.book(slots[nth].pk, code, at=self._at)

    def _ask(self) -> None:
        replies = iter(REPLIES)
        for number, (username, category, subject, text, answered) in enumerate(QUESTIONS):
            at = self._at - timedelta(hours=2 * (len(QUESTIONS) - number))
            actor = self._cast[username]
            with acting(actor):
                asked = questions.ask(category, subject, text, agency_id=actor.agency_id, at=at)
            if answered and actor.agency_id == self._cast["clerk"].agency_id:
                with acting(self._cast["clerk"]):
                    questions.answer(asked.number, next(replies), at=at + timedelta(hours=2))

    def _read(self) -> None:
        """What came before last week was read then."""
        for username in ("unit", "unit2", "vip"):
            with acting(self._cast[username]):
                old = Message.objects.filter(at__lt=self._at - timedelta(days=7)).values_list("id", flat=True)
                messages.read(list(old), at=self._at - timedelta(days=6))

    def _announce(self) -> None:
        start = self._today - timedelta(days=3)
        for audience, title, text in NOTICES:
            with acting(self._cast["clerk"]):
                notice = notices.save_notice(None, notices.NoticeData(title, text, audience, None, start, None), at=self._at)
            with acting(self._cast["reviewer"]):
                notices.publish(notice, at=self._at)
