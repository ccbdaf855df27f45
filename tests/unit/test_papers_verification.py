"""凭证验真: how a paper stands on a day."""

from datetime import date, datetime, timedelta
from hashlib import sha256

from shebao.base.clock import ZONE
from shebao.papers.verification import UNKNOWN, Fact, PaperState, Verification, read, state_on, stored

DAY = date(2026, 12, 21)


def test_a_paper_is_valid_through_its_last_day() -> None:
    assert state_on(DAY, None, None) is PaperState.VALID
    assert state_on(DAY, DAY, None) is PaperState.VALID
    assert state_on(DAY + timedelta(days=1), DAY, None) is PaperState.EXPIRED


def test_a_revoked_paper_is_revoked_even_when_it_has_expired() -> None:
    revoked_at = datetime(2026, 12, 20, 9, tzinfo=ZONE)
    assert state_on(DAY, None, revoked_at) is PaperState.REVOKED
    assert state_on(DAY, date(2026, 1, 1), revoked_at) is PaperState.REVOKED


def test_a_revocation_counts_from_its_day_in_wuhan() -> None:
    revoked_at = datetime(2026, 12, 20, 17, tzinfo=ZONE)
    assert state_on(date(2026, 12, 19), None, revoked_at) is PaperState.VALID
    assert state_on(date(2026, 12, 20), None, revoked_at) is PaperState.REVOKED


def test_the_four_states_have_the_words_people_read() -> None:
    assert [state.value for state in PaperState] == ["有效", "已过期", "已作废", "查无此证"]


def test_an_unknown_paper_tells_nothing() -> None:
    assert Verification(PaperState.UNKNOWN) == UNKNOWN
    assert not UNKNOWN.is_file(sha256(b"").digest())


def test_facts_come_back_as_they_were_stored() -> None:
    facts = (Fact("姓名", "王**"), Fact("社会保障号码", "4201**********123X"))
    assert read(stored(facts)) == facts


def test_a_file_in_hand_is_known_by_its_hash() -> None:
    digest = sha256(b"paper").digest()
    known = Verification(PaperState.VALID, sha256=digest.hex())
    assert known.is_file(digest)
    assert not known.is_file(sha256(b"another").digest())
