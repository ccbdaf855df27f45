"""What the unit is told about its case: one message when it ends or comes back."""

from datetime import datetime

from shebao.casework.models import Case
from shebao.contact.messages import tell


def tell_outcome(case: Case, title: str, text: str, *, at: datetime) -> None:
    """消息 to the unit of a case that was just decided."""
    if case.unit_id:  # a registration has no unit before it passes
        heading = f"{title}被退回，请修改后重新提交" if case.returned else f"{title}已办结"
        tell([case.unit_id], heading, f"{case.subject}（{case.number}）：{text}", at=at, case_id=case.pk)
