"""A browser's way to the unit portal without a browser: hidden values of the page's own forms, and the jobs run at once."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.casework.models import Case, Filing
from shebao.site import jobs
from tests.db.desk_support import Desk

FORM = {"ethnicity": "01", "mobile": "", "declared_wage": "8000", "backdated_from": ""}


class Portal(Desk):
    """A signed-in operator of a unit."""

    def page(self, path: str, status: int = 200) -> str:
        """A page with its markup."""
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code)
        return unescape(answer.content.decode())

    def save(self, typed: dict[str, Any], *, slug: str = "add-employee", action: str = "save", key: str = "", status: int = 302) -> str:
        """Post the form of an item."""
        return self.post(f"/u/items/{slug}/new", {**typed, "action": action, "key": key or str(uuid4())}, status)

    def submit(self, case_id: int, *, key: str = "", status: int = 302) -> str:
        """提交审批 with what the page of the case holds."""
        return self.post(f"/u/cases/{case_id}/submit", {**self.hidden(case_id), **({"key": key} if key else {})}, status)

    def hidden(self, case_id: int) -> dict[str, str]:
        """Key and version as the page of a case offers them."""
        page = self.page(f"/u/cases/{case_id}")
        return {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[-1] for name in ("key", "version")}


def case_of(address: str) -> Case:
    """The case an address leads to."""
    match = re.search(r"/u/cases/(\d+)", address)
    assert match, address
    with acting(ENGINE):
        return Case.objects.get(pk=int(match[1]))


def rows_of(case: Case) -> list[Filing]:
    """The rows of a case, in order."""
    with acting(ENGINE):
        return list(Filing.objects.filter(case=case).order_by("row"))


def work(case: Case) -> None:
    """What the job process would do for a case by now."""
    if case.state == "checking":
        jobs.check_upload.func(case.pk)
    elif case.state == "review" and case.automatic:
        jobs.review_automatically.func(case.pk)
