"""个人账户 on record: what moved (append-only), a running tally a person and year, the yearly settlement as a published partition.

An account is kept by a place and is a person's: 关系转移 carries it from one to another. Fen throughout. The tables of many millions
(entries, tallies, snapshots) are written in SQL in the first migration; their models only read (decision 0021).
"""

from django.db import models

from shebao.parties.models import Person


class EntryKind(models.IntegerChoices):
    """Why an account moved."""

    CREDIT = 1, "缴费划入"
    BROUGHT = 2, "前期转入余额"
    TRANSFER_IN = 3, "关系转入"
    TRANSFER_OUT = 4, "关系转出"
    PAYOUT = 5, "一次性支付"
    INTEREST = 6, "当年计息"
    INTEREST_DIFFERENCE = 7, "利息差额"


class Source(models.Model):
    """Where entries come from: a bill that was cleared, a debit batch, an opening, a transfer. One live turn of a reference at a time.

    reverses: the source whose entries this one takes back. A reference may come again (turn + 1) once it was taken back.
    """

    id = models.BigAutoField(primary_key=True)
    reference = models.CharField(max_length=60)
    turn = models.IntegerField(default=1)
    kind = models.SmallIntegerField(choices=EntryKind)
    label = models.CharField(max_length=120)
    place = models.CharField(max_length=6)
    agency_id = models.SmallIntegerField(null=True)
    credited_month = models.IntegerField()
    booked_on = models.DateField()
    recorded_at = models.DateTimeField()
    rows = models.IntegerField()
    own_fen = models.BigIntegerField()
    employer_fen = models.BigIntegerField()
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="+")
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reference", "turn"], name="accounts_source_once")]


class Entry(models.Model):
    """One movement of one account. month: the 费款所属期 it is for; credited_month: the one from which it bears interest."""

    pk = models.CompositePrimaryKey("person_id", "year", "source_id", "month")
    person_id = models.BigIntegerField()
    source = models.ForeignKey(Source, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    own_fen = models.BigIntegerField()
    employer_fen = models.BigIntegerField()
    month = models.IntegerField()
    credited_month = models.IntegerField()
    year = models.SmallIntegerField()
    kind = models.SmallIntegerField(choices=EntryKind)

    class Meta:
        managed = False
        db_table = "accounts_entry"


class Tally(models.Model):
    """An account's year so far, brought forward with every entry: what the yearly settlement reads.

    brought_fen: balances that came in and bear interest from the year's beginning. basis_fen: what no longer bears any (paid out).
    product_fen: 积数, each credited amount times the months from its month to December. other_fen: moved without bearing interest.
    """

    pk = models.CompositePrimaryKey("person_id", "year", "place")
    person_id = models.BigIntegerField()
    year = models.SmallIntegerField()
    place = models.CharField(max_length=6)
    brought_fen = models.BigIntegerField()
    own_fen = models.BigIntegerField()
    employer_fen = models.BigIntegerField()
    product_fen = models.BigIntegerField()
    other_fen = models.BigIntegerField()
    basis_fen = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "accounts_tally"


class YearState(models.TextChoices):
    """The life of an account year in a place. Credits go into open years only."""

    OPEN = "open", "记账中"
    SETTLING = "settling", "结算中"
    SETTLED = "settled", "已结算"


class PlaceYear(models.Model):
    """The row that settles year end against late credits: crediting takes FOR SHARE, the settlement's beginning FOR UPDATE."""

    id = models.AutoField(primary_key=True)
    place = models.CharField(max_length=6)
    year = models.SmallIntegerField()
    state = models.CharField(max_length=8, choices=YearState, default=YearState.OPEN)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "year"], name="accounts_placeyear_once")]


class Method(models.TextChoices):
    """How the interest of a year's credits is reckoned (劳办发〔1997〕116号 附件)."""

    MONTHLY = "monthly", "月积数法"
    YEARLY = "yearly", "年度计算法"


class Settlement(models.Model):
    """A run `account_interest` of a place and year: restartable by its chunks, told once. Columns as those of other runs, and the rate.

    month: December of the year. gap_ppm, differing: how many accounts the two methods answer for differently by more than that share of
    the closing balance.
    """

    id = models.AutoField(primary_key=True)
    kind = models.CharField(max_length=30, default="account_interest")
    place = models.CharField(max_length=6)
    month = models.IntegerField()
    year = models.SmallIntegerField()
    state = models.CharField(max_length=10, default="running")
    note = models.CharField(max_length=200, default="")
    started_by = models.IntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    chunks_total = models.IntegerField(default=0)
    rows = models.IntegerField(default=0)
    total_fen = models.BigIntegerField(default=0)
    method = models.CharField(max_length=8, choices=Method, default=Method.MONTHLY)
    rate_ppm = models.IntegerField()
    rate_status = models.CharField(max_length=12)
    rate_source = models.CharField(max_length=200)
    interest_fen = models.BigIntegerField(default=0)
    gap_ppm = models.IntegerField()
    differing = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "place", "month"], condition=~models.Q(state="failed"), name="accounts_settlement_once")
        ]


class Chunk(models.Model):
    """Guard row: written in the same transaction as the chunk's snapshots. total_fen: their closing balances."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="chunks")
    chunk = models.IntegerField()
    rows = models.IntegerField()
    total_fen = models.BigIntegerField()
    interest_fen = models.BigIntegerField()
    differing = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "chunk"], name="accounts_chunk_once")]


class Snapshot(models.Model):
    """An account at the end of a settled year. closing = opening + own + employer + other + both interests; the database holds it."""

    pk = models.CompositePrimaryKey("person_id", "settlement_id")
    person_id = models.BigIntegerField()
    opening_fen = models.BigIntegerField()
    own_fen = models.BigIntegerField()
    employer_fen = models.BigIntegerField()
    other_fen = models.BigIntegerField()
    basis_fen = models.BigIntegerField()
    product_fen = models.BigIntegerField()
    interest_opening_fen = models.BigIntegerField()
    interest_credits_fen = models.BigIntegerField()
    closing_fen = models.BigIntegerField()
    settlement = models.ForeignKey(Settlement, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)

    class Meta:
        managed = False
        db_table = "accounts_snapshot"


class Registered(models.Model):
    """What the register holds about an account, on two time axes: 账户建立年月, 视同缴费月数, and months paid that were carried over.

    from_day: true from then on. A change closes the row and adds one.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    account_start = models.IntegerField()
    deemed_months = models.SmallIntegerField(default=0)
    carried_months = models.SmallIntegerField(default=0)
    from_day = models.DateField()
    reason = models.CharField(max_length=120)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "from_day"], condition=models.Q(known_to=None), name="accounts_registered_once"),
            models.CheckConstraint(
                condition=models.Q(deemed_months__gte=0, carried_months__gte=0, account_start__gte=199001),
                name="accounts_registered_months",
            ),
        ]


class EndKind(models.TextChoices):
    """Why an account is settled within a year."""

    RETIREMENT = "retirement", "退休"
    TRANSFER = "transfer", "关系转出"
    DEATH = "death", "死亡"


class PartYear(models.Model):
    """当年结算 of one account: interest up to the month before `month`, with the last published rate. What was paid out is paid_fen.

    open_fen, product_fen: what bore interest. rate_year: whose rate stood in; the year's own comes by a Resettled row.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    place = models.CharField(max_length=6)
    agency_id = models.SmallIntegerField(null=True)
    kind = models.CharField(max_length=10, choices=EndKind)
    month = models.IntegerField()
    open_fen = models.BigIntegerField()
    product_fen = models.BigIntegerField()
    rate_ppm = models.IntegerField()
    rate_year = models.SmallIntegerField()
    interest_fen = models.BigIntegerField()
    balance_fen = models.BigIntegerField()
    paid_fen = models.BigIntegerField()
    settled_on = models.DateField()
    recorded_at = models.DateTimeField()
    case_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "place", "month"], name="accounts_partyear_once")]


class ProposalState(models.TextChoices):
    """One person proposes, another decides."""

    PROPOSED = "proposed", "待复核"
    CONFIRMED = "confirmed", "已结算"
    DECLINED = "declined", "已退回"


class PartYearProposal(models.Model):
    """当年结算 that waits for, or was decided by, a second person. balance_fen: what the trial came to; what was settled is part_year's."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    place = models.CharField(max_length=6)
    agency_id = models.SmallIntegerField()
    kind = models.CharField(max_length=10, choices=EndKind)
    month = models.IntegerField()
    reason = models.CharField(max_length=200)
    balance_fen = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=ProposalState, default=ProposalState.PROPOSED)
    proposed_by = models.IntegerField()
    proposed_at = models.DateTimeField()
    decided_by = models.IntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    part_year = models.OneToOneField(PartYear, null=True, on_delete=models.PROTECT, related_name="proposal")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "place"], condition=models.Q(state="proposed"), name="accounts_proposal_waiting"),
            models.CheckConstraint(
                condition=models.Q(state="proposed", decided_by=None)
                | (~models.Q(state="proposed") & models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("proposed_by"))),
                name="accounts_proposal_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(state="confirmed", part_year__isnull=False) | (~models.Q(state="confirmed") & models.Q(part_year=None)),
                name="accounts_proposal_settled",
            ),
        ]


class Resettled(models.Model):
    """多退少补: a part-year settlement reckoned again when its own year's rate appeared."""

    id = models.BigAutoField(primary_key=True)
    part_year = models.OneToOneField(PartYear, on_delete=models.PROTECT, related_name="resettled")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    rate_ppm = models.IntegerField()
    interest_fen = models.BigIntegerField()
    difference_fen = models.BigIntegerField()
    settled_on = models.DateField()
    recorded_at = models.DateTimeField()
