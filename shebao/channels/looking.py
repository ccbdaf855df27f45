"""Looking somebody up by number: on record each time, and limited, so that nobody can try numbers out one after the other."""

from datetime import datetime, timedelta

from shebao.access.acting import acting
from shebao.audit.models import Event
from shebao.audit.operations import Trace, record
from shebao.base.actor import ENGINE, current
from shebao.base.errors import ShebaoError
from shebao.base.identifiers import mask_id_number

LOOK_UPS_MAX = 60
LOOK_UPS_SECONDS = 60
ACTION = "person.searched"


class TooManyLookUpsError(ShebaoError):
    """More than one person types."""

    code = "ACC-05"
    status = 429

    def __init__(self) -> None:
        super().__init__(f"一分钟内最多查询 {LOOK_UPS_MAX} 个身份号码，请稍候再查；需要办理很多人时，请用批量办理")


def check_look_ups(at: datetime) -> None:
    """Whether the acting account may look up one more now. The trace itself is counted, so it holds across processes.

    Raises: TooManyLookUpsError.
    """
    account_id = current().account_id
    with acting(ENGINE):
        recent = Event.objects.filter(at__gt=at - timedelta(seconds=LOOK_UPS_SECONDS), account_id=account_id, action=ACTION)
        many = recent.count() >= LOOK_UPS_MAX
    if many:
        raise TooManyLookUpsError


def look_up_recorded(id_number: str, *, at: datetime, address: str = "") -> None:
    """Put a look-up of a 公民身份号码 by the acting account on record, masked. Raises: TooManyLookUpsError; then nothing is recorded."""
    check_look_ups(at)
    record([Trace(ACTION, mask_id_number(id_number))], at=at, address=address)
