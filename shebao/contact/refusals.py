"""How appointments, questions and notices say no: what is wrong and what to do."""

from shebao.base.errors import ShebaoError
from shebao.contact.models import Booking, BookingState


class NoSlotError(ShebaoError):
    """No such slot, or of another agency."""

    code = "CON-01"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这个预约时段，请返回预约页面重新选择")


class OfficeClosedError(ShebaoError):
    """The office takes no appointments."""

    code = "CON-02"

    def __init__(self, name: str) -> None:
        super().__init__(f"“{name}”暂停预约，请选择其他办事大厅，或电话咨询后再来")


class NotOfferedError(ShebaoError):
    """The item is not handled there."""

    code = "CON-03"
    status = 422

    def __init__(self, name: str) -> None:
        super().__init__(f"“{name}”不受理这项业务的预约，请重新选择要办的业务或办事大厅")


class PastSlotError(ShebaoError):
    """The slot has begun."""

    code = "CON-04"

    def __init__(self, when: str) -> None:
        super().__init__(f"{when} 的时段已经开始或过去，请选择之后的时段")


class SlotClosedError(ShebaoError):
    """The day or the slot was closed."""

    code = "CON-05"

    def __init__(self, when: str, reason: str) -> None:
        super().__init__(f"{when} 不办公{f'（{reason}）' if reason else ''}，请选择其他日期")


class SlotFullError(ShebaoError):
    """No place left."""

    code = "CON-06"

    def __init__(self, when: str) -> None:
        super().__init__(f"{when} 的时段已约满，请选择其他时段；有人取消时名额会立即放出")


class BookedTwiceError(ShebaoError):
    """One booking per unit, slot and item."""

    code = "CON-07"

    def __init__(self, booking: Booking, when: str) -> None:
        super().__init__(f"本单位已经预约了 {when} 办理“{booking.item_title}”，预约号 {booking.number}，不用重复预约")


class DayLimitError(ShebaoError):
    """A unit holds as many places of a day as it may."""

    code = "CON-08"

    def __init__(self, day: str, most: int) -> None:
        super().__init__(f"一个单位同一天最多预约 {most} 个号，{day}已达上限；请取消不用的预约，或选择其他日期")


class NoBookingError(ShebaoError):
    """No such booking, or another's."""

    code = "CON-09"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这个预约，或者不属于您所在的单位（机构）；请核对预约号，共 12 位数字，印在预约回执上")


class BookingMovedError(ShebaoError):
    """The booking's state does not allow it."""

    code = "CON-10"

    def __init__(self, booking: Booking, act: str) -> None:
        super().__init__(f"预约 {booking.number} 现在是“{BookingState(booking.state).label}”，不能{act}；请刷新页面查看最新情况")


class NotTodayError(ShebaoError):
    """Checked in on another day than booked."""

    code = "CON-11"

    def __init__(self, day: str) -> None:
        super().__init__(f"这个预约是{day}的，不是今天，不能取号；请按预约日期前来，或在网上改约")


class TooLateError(ShebaoError):
    """The slot has begun: cancelling frees nothing any more."""

    code = "CON-12"

    def __init__(self) -> None:
        super().__init__("预约的时段已经开始，不能再取消或改约；如已到场请在窗口取号")


class BadHoursError(ShebaoError):
    """Hours that make no sense or overlap others."""

    code = "CON-13"
    status = 422


class NameTakenError(ShebaoError):
    """Two offices of an agency by one name."""

    code = "CON-14"
    status = 422

    def __init__(self, name: str) -> None:
        super().__init__(f"本机构已有名为“{name}”的办事大厅，请换一个名称")


class DayClosedError(ShebaoError):
    """Closed already, or in the past."""

    code = "CON-15"
    status = 422


class NoQuestionError(ShebaoError):
    """No such question, or another's."""

    code = "CON-20"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这个问题，或者不属于您所在的单位（机构），请核对编号")


class QuestionMovedError(ShebaoError):
    """Closed, or another one answers it."""

    code = "CON-21"


class NothingSaidError(ShebaoError):
    """An empty question or answer, or too long a one."""

    code = "CON-22"
    status = 422


class NoNoticeError(ShebaoError):
    """No such notice, or not to be seen."""

    code = "CON-30"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这条通知，可能已被撤回")


class SameWriterError(ShebaoError):
    """Who writes does not publish."""

    code = "CON-31"
    status = 403

    def __init__(self) -> None:
        super().__init__("通知的起草和发布不能是同一人，请由另一位工作人员核对后发布")


class NoticeMovedError(ShebaoError):
    """Published or withdrawn meanwhile."""

    code = "CON-32"

    def __init__(self, word: str, act: str) -> None:
        super().__init__(f"这条通知现在是“{word}”，不能{act}；已发布的通知要更正时，请撤回后另写一条")


class NoticeWrongError(ShebaoError):
    """A notice that lacks something."""

    code = "CON-33"
    status = 422
