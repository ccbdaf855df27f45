"""年度结算试算: what a settlement would come to, by the run's own kernel and order, and nothing is written."""

from dataclasses import dataclass

from shebao.accounts import settling
from shebao.accounts.models import Settlement


@dataclass(frozen=True, slots=True)
class Tried:
    """The figures of a place's year as a run would leave them now, fen. differing: as Settlement has it."""

    accounts: int
    opening_fen: int
    credits_fen: int
    other_fen: int
    interest_opening_fen: int
    interest_credits_fen: int
    closing_fen: int
    differing: int

    @property
    def interest_fen(self) -> int:
        return self.interest_opening_fen + self.interest_credits_fen


def attempt(place: str, year: int, rate_ppm: int) -> Tried:
    """Settle every account in memory, range by range; of a settled year, once more, as a check. As the engine: sums of the whole place."""
    settling.take_time()
    before = Settlement.objects.filter(kind=settling.KIND, place=place, year=year - 1, state="done").values_list("id", flat=True).first()
    work = settling.Work(0, place, year, before or 0, "", rate_ppm, settling.GAP_PPM, ())
    sums = [0] * 8
    for first, last in settling.ranges_of(place, year, work.before):
        block = settling.read_block(work, first, last)
        settled = settling.settle_block(block, work.rate_ppm, work.gap_ppm)
        columns = (
            block.opening, block.own + block.employer, block.other, settled.interest_opening, settled.interest_credits, settled.closing,
            settled.differing,
        )  # fmt: skip
        sums = [a + b for a, b in zip(sums, (len(block.people), *(int(column.sum()) for column in columns)), strict=True)]
    return Tried(*sums)
