"""预约回执: the paper of a booking. Not sealed: it proves nothing but the place in the line, and the counter checks it in its own list."""

from collections.abc import Sequence
from datetime import datetime

from shebao.contact.models import Booking
from shebao.contact.queries import slot_shown
from shebao.contact.times import day_shown
from shebao.papers import codes
from shebao.papers.contracts import BookingTicket, PaperKind
from shebao.papers.typeset import typeset

ADVICE = (
    "请提前 10 分钟到场，在取号处扫描二维码，或报出预约号。",
    "带齐办事指南所列的材料；普通单位请打印表格并加盖公章。",
    "不能前来的，请在预约时段开始前在网上取消或改约，名额会让给其他单位。",
    "叫号三次不到的，记为未到场，需要重新取号排队。",
)


def ticket_pdf(booking: Booking, facts: Sequence[tuple[str, str]], *, base_url: str, at: datetime) -> bytes:
    """The ticket of a booking; its QR leads a counter's scanner to the check-in."""
    data: BookingTicket = {
        "agency": booking.office.name,
        "printed_at": at,
        "qr": codes.qr_svg(f"{base_url}/w/bookings?code={booking.number}"),
        "number": booking.number,
        "day": f"{booking.day.year} 年 {day_shown(booking.day)}",
        "span": slot_shown(booking),
        "facts": [{"label": label, "value": value} for label, value in facts],
        "advice": list(ADVICE),
    }
    return typeset(PaperKind.BOOKING_TICKET.value, data).pdf
