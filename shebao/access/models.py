"""Accounts and what they may do. One account holds posts of one class only (business, finance, data, audit, unit): held by a key."""

from django.db import models

from shebao.parties.models import Agency, Unit


class Account(models.Model):
    """A sign-in. Belongs to one unit, or one agency, or (administrators, auditors) to an agency with another post class."""

    id = models.AutoField(primary_key=True)
    username = models.CharField(max_length=40, unique=True)
    password = models.CharField(max_length=160)
    name = models.CharField(max_length=50)
    post_class = models.CharField(max_length=10)
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    agency = models.ForeignKey(Agency, null=True, on_delete=models.PROTECT, related_name="+")
    must_change_password = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    signed_in_at = models.DateTimeField(null=True)
    failures = models.SmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

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
