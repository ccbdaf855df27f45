"""Numbers for invented people and units: right in form, so that every check of ours passes, and certain never to have been issued.

公民身份号码 (GB 11643) and 统一社会信用代码 (GB 32100) both carry six digits of GB/T 2260. All of ours carry 420199: 湖北省 武汉市, then a
district number that no edition of GB/T 2260 gave to anything. Births, sexes and check characters are ordinary. Telephones start
with 027-0, which no subscriber has; people have no mobile numbers at all, because every 11-digit form may be somebody's.
"""

from collections.abc import Iterator
from datetime import date
from itertools import count

from shebao.base.identifiers import make_id_number, make_uscc
from shebao.base.terms import Sex

UNISSUED_AREA = "420199"
SEQUENCES_A_DAY = 500  # of each sex: odd for men, even for women


class Identities:
    """Hands out numbers, never one twice."""

    def __init__(self) -> None:
        self._used: dict[tuple[date, Sex], int] = {}
        self._units = count(1)

    def person(self, birth: date, sex: Sex) -> str:
        """A 公民身份号码. Raises: ValueError when a day has given all its numbers, which takes 500 of one sex."""
        turn = self._used.get((birth, sex), 0)
        if turn >= SEQUENCES_A_DAY:
            raise ValueError(f"no more numbers for {birth}")
        self._used[birth, sex] = turn + 1
        return make_id_number(UNISSUED_AREA, birth, 2 * turn + (1 if sex is Sex.MALE else 0))

    def unit(self) -> str:
        """A 统一社会信用代码 of an enterprise."""
        return make_uscc(UNISSUED_AREA, f"MADE{next(self._units):05d}")

    @staticmethod
    def telephone(number: int) -> str:
        """A line that cannot exist."""
        return f"027-0{number % 10_000_000:07d}"


def unknown_bills(day: date) -> Iterator[str]:
    """Bill numbers that no bill bears, as a payer may mistype them."""
    return (f"HD{day:%Y%m}-99{i:05d}" for i in count(1))
