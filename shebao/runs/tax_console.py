"""税务日清单 on the run console: each list that was fetched, with what it held."""

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.levy.run_kinds import DONE, RunKind, RunLine
from shebao.levy.tax_models import TaxDay


def _listed(place: str, limit: int, run_id: int | None) -> list[RunLine]:
    """Lists hold bills of every agency, so they are read as the engine; told is only how many and how much."""
    with acting(ENGINE):
        found = TaxDay.objects.order_by("-id")
        lists = list((found if run_id is None else found.filter(pk=run_id))[:limit])
    return [RunLine(one.pk, DONE, one.day.isoformat(), 0, 0, one.count, one.total_fen, 0, one.asked_at, one.asked_at) for one in lists]


RUN_KIND = RunKind(
    "tax_day",
    "税务日清单",
    "",
    page=lambda run: "/w/tax#h-days",
    rows="笔",
    listed=_listed,
    about="每天早上自动取前一日的清单，与税务告知我方的逐笔比较；也可以指定日期重新取",
    start="/w/tax",
    daily=True,
    never="清单只用来核对，不记账，不用冲回；重新取的一份替代以前的",
)
