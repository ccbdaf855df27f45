"""税务: what waits is sent and answered, and a day's list is fetched. Can be run again at any time and killed anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import uuid4

from django.db import connection

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.contact import messages
from shebao.contact.messages import tell_people
from shebao.gateways import tax as wire
from shebao.gateways.signed import Envelope
from shebao.gateways.strict_json import MessageRefused
from shebao.gateways.tax_client import Partner, PartnerAway, PartnerRefused
from shebao.levy import cancelling, tax, tax_reconcile
from shebao.levy.tax_models import MessageState, TaxMessage

Clock = Callable[[], datetime]
PAUSES = tuple(timedelta(seconds=s) for s in (15, 30, 60, 120, 300, 600))  # after each attempt that was not answered; the last one stays
ROUNDS_MAX = 50  # of making and sending, in one call: what changes meanwhile goes with the next
PAGES_MAX = 2_000
AGAIN_DAYS = 10  # a day that did not agree is fetched again for so long


@dataclass(frozen=True, slots=True)
class Sent:
    """What one call did. away: why it stopped before everything was answered; empty when nothing is left to send."""

    messages: int
    bills: int
    refused: int
    away: str = ""


def send(partner: Partner | None, *, clock: Clock, patient: bool = False) -> Sent:
    """Send what waits, message by message in their order. partner None: none is configured; what is to be sent is only noted.

    patient: do not wait for the pause after an attempt that failed (somebody asks for it now).
    """
    try:
        return _send(partner, clock, patient)
    finally:
        tell(at=clock())


def tell(*, at: datetime) -> int:
    """消息 to those whose bill was cancelled, or could not be, and whose payment was reversed: each once. Returns how many."""
    with acting(ENGINE):
        news = cancelling.news()
        for one in news:
            if one.bill.person_id is not None:
                tell_people([(one.bill.person_id, one.title, one.text)], at=at, url=f"/p/bills/{one.bill.number}")
            else:
                messages.tell([one.bill.unit_id], one.title, one.text, at=at, url=f"/u/bills/{one.bill.number}")
    return len(news)


def _send(partner: Partner | None, clock: Clock, patient: bool) -> Sent:
    _note(clock)
    if partner is None:
        return Sent(0, 0, 0, "没有配置税务地址（SHEBAO_TAX_URL）或税务公钥，待发送的核定单留在发件箱")
    sent = bills = refused = 0
    for _ in range(ROUNDS_MAX):
        while (waiting := _next()) is not None:
            number, key, path, content, next_at = waiting
            if next_at > clock() and not patient:
                return Sent(sent, bills, refused, f"上次没有送达，{next_at:%H:%M:%S} 后再试")
            try:
                done = _exchange(partner, number, key, path, content, clock)
            except PartnerAway as error:
                _postpone(number, error.text, clock())
                return Sent(sent, bills, refused, error.text)
            sent, bills, refused = sent + 1, bills + done.bills, refused + done.refused
        _note(clock)
        with acting(ENGINE):
            if not tax.make_message(at=clock()):
                break
    return Sent(sent, bills, refused)


def _note(clock: Clock) -> None:
    while True:
        with acting(ENGINE):
            if tax.queue_new(at=clock()) < tax.CHANGES_AT_ONCE:
                return


def _next() -> tuple[int, object, str, bytes, datetime] | None:
    with acting(ENGINE):
        found = TaxMessage.objects.filter(state=MessageState.WAITING).order_by("id").first()
        return (found.pk, found.message, found.path, bytes(found.content), found.next_at) if found else None


def _exchange(partner: Partner, number: int, key: object, path: str, content: bytes, clock: Clock) -> tax.Answered:
    """One message: sent outside of any transaction, its answer applied in one."""
    try:
        body, refusal = partner.send(path, key, content), None  # type: ignore[arg-type]
    except PartnerRefused as error:
        body, refusal = None, (error.their_code, error.text)
    try:
        with acting(ENGINE):
            return tax.answered(number, body, refusal, at=clock())
    except MessageRefused as error:
        raise PartnerAway(f"对方的回执看不懂：{error.text}") from error


def _postpone(number: int, why: str, at: datetime) -> None:
    with acting(ENGINE):
        row = TaxMessage.objects.select_for_update().get(pk=number)
        if row.state == MessageState.WAITING:
            row.next_at = at + PAUSES[min(row.attempts, len(PAUSES) - 1)]
            row.attempts, row.said = row.attempts + 1, why[:200]
            row.save(update_fields=["next_at", "attempts", "said"])


def _asked(partner: Partner, path: str, body: dict[str, object], on: date) -> dict[str, object]:
    """A question: nothing of it is kept, so it has a fresh number and is simply asked again when there was no answer."""
    with acting(ENGINE), connection.cursor() as cursor:
        cursor.execute("select nextval('levy_tax_sequence')")
        number = int(cursor.fetchone()[0])
    message = uuid4()
    return dict(partner.send(path, message, Envelope(tax.SENDER, message, number, on, body).content()))


def ask_day(partner: Partner, day: date, *, clock: Clock) -> tax_reconcile.DayAnswer:
    """Fetch a day's list, keep it, compare it.  Raises: PartnerAway, PartnerRefused, MessageRefused."""
    pages: list[wire.DayList] = []
    after = ""
    while len(pages) < PAGES_MAX:
        page = wire.read_day(_asked(partner, wire.ASKED_DAY, wire.DayAsked(day, after).told(), clock().date()))
        pages.append(page)
        if not page.more or not page.lines or page.lines[-1].paid.serial <= after:
            break
        after = page.lines[-1].paid.serial
    with acting(ENGINE):
        tax_reconcile.keep(day, pages, at=clock())
        found = tax_reconcile.compare(day)
    assert found is not None
    return found


def ask_days(partner: Partner, *, clock: Clock) -> list[tax_reconcile.DayAnswer]:
    """Yesterday, and again those of the last ten days that were never fetched or did not agree.  Raises: as ask_day."""
    yesterday = clock().date() - timedelta(days=1)
    days = [yesterday - timedelta(days=back) for back in range(AGAIN_DAYS)]
    with acting(ENGINE):
        known = {day: tax_reconcile.compare(day) for day in days}
    return [ask_day(partner, day, clock=clock) for day in days if day == yesterday or (found := known[day]) is None or not found.agrees]


def ask_states(partner: Partner, numbers: list[str], *, clock: Clock) -> tuple[wire.State, ...]:
    """How the tax office has these bills (at most 1,000).  Raises: PartnerAway, PartnerRefused, MessageRefused."""
    return wire.read_states(_asked(partner, wire.ASKED_STATES, wire.states_body(numbers), clock().date()))
