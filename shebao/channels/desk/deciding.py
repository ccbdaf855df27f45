"""What a reviewer sends from the review page, read strictly: who goes back, why, and which fields to mend."""

from dataclasses import dataclass

from django.http import QueryDict

from shebao.base.identifiers import mask_id_number
from shebao.casework.cells import half_width
from shebao.casework.item import ServiceItem
from shebao.casework.models import Case, Filing
from shebao.casework.queries import id_numbers_in, rows_by_id_numbers
from shebao.casework.review import Decision, Return
from shebao.channels.desk.pages import Errors, clean, number_of

LIST_LINES_MAX = 2_000
REASON_LENGTH_MAX = 200
LINE_LENGTH_MAX = 300
PASTED_LENGTH_MAX = 20_000  # ID numbers pasted into the search box or into one line of the list: about a thousand of them
SEPARATORS = "，,、：:；;\t"


@dataclass(slots=True)
class Sent:
    """The form as it came, so that it can be shown again as it was typed."""

    act: str
    version: int
    reason: str
    other: str
    pins: tuple[str, ...]
    picked: tuple[int, ...]
    listed: str
    search: str
    page: int

    @property
    def why(self) -> str:
        """The reason for all: the chosen template, or what was typed beside it, or both."""
        return "；".join(text for text in (self.reason, self.other) if text)[:REASON_LENGTH_MAX]


NOTHING = Sent("", 0, "", "", (), (), "", "", 1)


def sent_in(post: QueryDict, item: ServiceItem) -> Sent:
    """Read the form. A template reason or a pin that the item does not know is left out."""
    names = {f.name for f in item.fields}
    reason = post.get("reason", "")
    return Sent(
        act=post.get("act", "")[:20],
        version=number_of(post.get("version"), 0),
        reason=reason if reason in item.return_reasons else "",
        other=clean(post.get("other", "").replace("\n", " "), REASON_LENGTH_MAX),
        pins=tuple(pin for pin in post.getlist("pins") if pin in names),
        picked=tuple(number_of(text, 0) for text in post.getlist("pick")),
        listed="\n".join(line for text in post.get("listed", "").splitlines() for line in _one_each(clean(text, PASTED_LENGTH_MAX))),
        search=clean(post.get("q"), PASTED_LENGTH_MAX),
        page=number_of(post.get("page")),
    )


def _one_each(line: str) -> list[str]:
    """A line of the list, cut so that each person has one. Who has no reason behind the number shares the last one of the line."""
    numbers = id_numbers_in(line)
    if len(numbers) < 2:
        return [line[:LINE_LENGTH_MAX]] if line else []
    rests, text = [], half_width(line).upper()
    for number in reversed(numbers):
        text, _, rest = text.rpartition(number)
        rests.append(rest.strip(SEPARATORS + " "))
    return [f"{number} {rest or rests[0]}".rstrip()[:LINE_LENGTH_MAX] for number, rest in zip(numbers, reversed(rests), strict=True)]


def grown(sent: Sent, rows: list[Filing]) -> str:
    """The list with picked rows added, each with the reason chosen now; who is listed already is not listed twice."""
    known = {_split(line)[0] for line in sent.listed.splitlines()}
    fresh = [f"{row.id_number} {row.name} {sent.why}".rstrip() for row in rows if row.id_number not in known]
    return "\n".join([*[line for line in sent.listed.splitlines() if line.strip()], *fresh])


def returns_of(case: Case, sent: Sent) -> tuple[Decision, Errors]:
    """名单外通过: the listed rows go back, each for its own reason or the one for all; everybody else passes.

    Returns: the decision, and what is wrong with the list (the decision is worth nothing then).
    """
    lines = [_split(line) for line in sent.listed.splitlines() if line.strip()]
    problems: Errors = []
    if not lines:
        return Decision(), [("listed", "退回名单是空的：请勾选人员加入名单，或直接填写身份证号；全部通过请点“批量审核通过”")]
    if len(lines) > LIST_LINES_MAX:
        return Decision(), [("listed", f"退回名单最多 {LIST_LINES_MAX} 行，现在有 {len(lines)} 行；请分批处理，或全部退回")]
    rows = rows_by_id_numbers(case, [number for number, _ in lines])
    returns: dict[int, Return] = {}
    for place, (number, rest) in enumerate(lines, start=1):
        row = rows.get(number)
        if row is None:
            problems.append(("listed", f"名单第 {place} 行：{mask_id_number(number)} 不在本批次待审核的人员里，请核对身份证号"))
            continue
        why = rest.removeprefix(row.name).strip(SEPARATORS + " ") or sent.why
        if not why:
            problems.append(("listed", f"名单第 {place} 行：{row.name} 没有写不通过原因；请写在身份证号后面，或在上面选一个共用的原因"))
            continue
        returns[row.pk] = Return(why[:REASON_LENGTH_MAX], sent.pins)
    return Decision(returns=returns), problems


def _split(line: str) -> tuple[str, str]:
    """'身份证号 原因' -> both parts; full-width digits and any separator are understood."""
    text = line.strip()
    for separator in SEPARATORS:
        text = text.replace(separator, " ", 1) if separator in text[:20] else text
    number, _, rest = text.partition(" ")
    return half_width(number).upper(), rest.strip()
