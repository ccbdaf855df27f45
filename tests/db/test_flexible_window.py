"""A new hall with one agency and nobody in it: the clerk opens the 个人流动窗口 on the counter's page and enrols the first flexible worker."""

import pytest

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import now
from shebao.base.terms import Post
from shebao.casework.item import item_of
from shebao.casework.models import CaseState
from shebao.parties.windows import window_of
from tests import make
from tests.db.counter_support import on, through
from tests.db.support import ask
from tests.db.web_support import NOW, Browser, is_page, words

pytestmark = pytest.mark.usefixtures("own_database")
ENROL = "flexible.enrol"


def test_the_first_flexible_worker_of_an_empty_hall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", NOW)
    make.agency(1)
    make.agency(2)
    account = make.account(Post.CLERK, username="clerk")
    clerk = Browser("clerk")
    assert ask("select count(*) from parties_unit") == [(0,)]
    assert "还没有，首次办理时设立" in words(clerk.get("/w/counter/"))
    assert ask("select count(*) from parties_unit") == [(0,)], "looking makes nothing"

    opened = clerk.post("/w/counter/window")
    with acting(ENGINE):
        window = window_of(1)
        assert window is not None and window_of(2) is None, "of the clerk's own agency only"
    assert (opened.status_code, opened["Location"]) == (302, f"/w/counter/?q={window.number}")
    page = clerk.get(opened["Location"])
    assert "示例经办机构1个人流动窗口" in words(page) and f"/w/counter/{window.number}/{item_of(ENROL).slug}/new" in page.content.decode()
    assert "为灵活就业人员办理" in words(clerk.get("/w/counter/"))
    assert ask("select action, account_id, subject from audit_event where action like 'parties.window%%'") == [
        ("parties.window_opened", account.account_id, window.number)
    ]

    assert clerk.post("/w/counter/window")["Location"] == opened["Location"], "asked again, the same one"
    assert ask("select count(*) from parties_unit") == [(1,)]

    new = make.person()
    typed = {"id_number": new.id_number, "name": new.name, "ethnicity": "01", "insurance": "110", "percent": "60", "from_month": ""}
    assert through(ENROL, on(now().date(), window.pk), typed).state == CaseState.DONE
    assert ask("select s.unit_id, t.percent from enrolment_spell s join enrolment_tier t on t.person_id = s.person_id") == [(window.pk, 60)]


def test_only_a_clerk_opens_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEBAO_NOW", NOW)
    make.agency(1)
    make.finance(1, "finance")
    is_page(Browser("finance").post("/w/counter/window"), 403)
    assert Browser().post("/w/counter/window").status_code == 302  # to sign in
    assert ask("select count(*) from parties_unit") == [(0,)]
