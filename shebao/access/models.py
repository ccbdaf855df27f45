"""Accounts and what they may do. One account holds posts of one class only (business, finance, data, audit, unit): held by a key."""

from django.db import models

from shebao.parties.models import Agency, Person, Unit


class Account(models.Model):
    """A sign-in. Belongs to one unit, to one person (个人; its agency is the one that gave it), or to one agency in some post class."""

    id = models.AutoField(primary_key=True)
    username = models.CharField(max_length=40, unique=True)
    password = models.CharField(max_length=160)
    name = models.CharField(max_length=50)
    post_class = models.CharField(max_length=10)
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    agency = models.ForeignKey(Agency, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    must_change_password = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    signed_in_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "post_class"], name="access_account_class")]


class Grant(models.Model):
    """A post held from one day to another. `post_class` repeats the account's: a composite key keeps classes apart."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="grants")
    post = models.CharField(max_length=20)
    post_class = models.CharField(max_length=10)
    from_date = models.DateField()
    to_date = models.DateField(null=True)
    granted_by = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "post", "from_date"], name="access_grant_once")]


class SignIn(models.Model):
    """One live sign-in, so that signing out, disabling and idle time-out act at once in every process."""

    id = models.BigAutoField(primary_key=True)
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=45, default="")
    agent = models.CharField(max_length=120, default="")


class Guess(models.Model):
    """Failures counted against a bucket: of a name that was tried (known or not, all the same), of an address, of a unit number.

    A bucket is a keyed digest cut to 20 bits (limits.py): nothing that was typed can be read back, and the table cannot grow beyond it.
    """

    id = models.IntegerField(primary_key=True)  # kind * 2^20 + bucket
    count = models.IntegerField(default=0)
    since = models.DateTimeField()
    closed_until = models.DateTimeField(null=True)


class Qualification(models.Model):
    """网上办事资格 of a unit: granted against a signed 承诺书, stopped and resumed by the agency."""

    unit = models.OneToOneField(Unit, primary_key=True, on_delete=models.PROTECT, related_name="+")
    agreement_code = models.CharField(max_length=40)
    agreement_version = models.CharField(max_length=7)
    granted_at = models.DateTimeField()
    case_id = models.BigIntegerField(null=True)
    stopped_at = models.DateTimeField(null=True)
    stop_reason = models.CharField(max_length=200, default="")


class Operator(models.Model):
    """经办人信息: who stands behind an account of a unit, from when to when. An account without such a row acts for the whole unit.

    lead: 主经办人, who manages the others. valid_until: the last day. Revoking is for good: a returning operator gets a new account.
    """

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    capacity = models.CharField(max_length=10)  # operator, legal
    id_number = models.CharField(max_length=18)
    mobile = models.CharField(max_length=11)
    lead = models.BooleanField(default=False)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    added_at = models.DateTimeField()
    added_by = models.IntegerField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.IntegerField(null=True)


class OperatorRight(models.Model):
    """What an operator may do with one item ("*": with every item): see rights.Level. Level 0 takes it away."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    item_code = models.CharField(max_length=60)
    level = models.SmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "item_code"], name="access_right_once")]


class Certificate(models.Model):
    """数字证书 to be downloaded: its serial, and the digest of its download password once the slip is printed."""

    id = models.AutoField(primary_key=True)
    serial = models.CharField(max_length=20, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    download_password = models.CharField(max_length=160)
    state = models.CharField(max_length=10)  # waiting 待下载, void 作废
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)


class Slip(models.Model):
    """密码条 of an account. Its secrets are made in the moment it is printed, which happens once; only their digests stay."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    certificate = models.ForeignKey(Certificate, null=True, on_delete=models.PROTECT, related_name="+")
    with_password = models.BooleanField()
    handed_by = models.CharField(max_length=10)  # agency: at the counter; unit: by the 主经办人
    state = models.CharField(max_length=10)  # ready 待打印, printed 已打印, void 作废
    reason = models.CharField(max_length=100)
    case_id = models.BigIntegerField(null=True)
    made_at = models.DateTimeField()
    made_by = models.IntegerField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.IntegerField(null=True)


class Acceptance(models.Model):
    """Who accepted which version of which 承诺书 or 条款, when and from where. Append-only."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40)
    version = models.CharField(max_length=7)
    at = models.DateTimeField()
    address = models.CharField(max_length=45)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "code", "version"], name="access_acceptance_once")]


class Registration(models.Model):
    """法人注册: what a unit told on the public page, for the agency it named to confirm. Kept as it was told."""

    id = models.AutoField(primary_key=True)
    number = models.CharField(max_length=12, unique=True)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    unit_number = models.CharField(max_length=13)
    unit_name = models.CharField(max_length=100)
    capacity = models.CharField(max_length=10)
    name = models.CharField(max_length=50)
    id_number = models.CharField(max_length=18)
    mobile = models.CharField(max_length=11)
    at = models.DateTimeField()
    address = models.CharField(max_length=45)
    state = models.CharField(max_length=10, default="waiting")  # waiting, confirmed, declined
    reason = models.CharField(max_length=200, default="")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.IntegerField(null=True)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
