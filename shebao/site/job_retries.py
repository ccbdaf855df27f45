"""When a job is tried again. Errors of its own are counted; a database that is away is no error of the job's, and is waited for."""

from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from shebao.access.acting import CONNECTION_LOST

AWAY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Retry(BaseRetryStrategy):
    """tries: calls at most that end with an error; wait: seconds between them."""

    tries: int
    wait: int

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """As procrastinate asks it."""
        if is_away(exception):
            return RetryDecision(retry_in={"seconds": AWAY_SECONDS})
        return RetryDecision(retry_in={"seconds": self.wait}) if job.attempts < self.tries else None


def is_away(error: BaseException) -> bool:
    """Whether the connection was lost or could not be made, as against a statement that was refused or took too long."""
    if isinstance(error, InterfaceError):
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError) and (state is None or state in CONNECTION_LOST)


AGAIN = Retry(tries=5, wait=3)
PATIENT = Retry(tries=240, wait=15)  # a month that is being assessed lets nothing take effect meanwhile
