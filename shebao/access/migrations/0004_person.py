import django.db.models.deletion
from django.db import migrations, models

from shebao.audit.security import admit
from shebao.base.actor import Role

PLACE = """
alter table access_account drop constraint access_account_place, add constraint access_account_place check (
  (post_class = 'unit' and unit_id is not null and agency_id is null and person_id is null)
  or (post_class = 'person' and unit_id is null and agency_id is not null and person_id is not null)
  or (post_class not in ('unit', 'person') and unit_id is null and agency_id is not null and person_id is null));
create unique index access_account_person on access_account (person_id) where disabled_at is null;
alter table access_grant drop constraint access_grant_post, add constraint access_grant_post check (
    (post = 'unit_operator' and post_class = 'unit') or (post = 'individual' and post_class = 'person')
    or (post in ('clerk', 'reviewer') and post_class = 'business')
    or (post = 'finance' and post_class = 'finance') or (post = 'administrator' and post_class = 'data')
    or (post = 'auditor' and post_class = 'audit'));
"""
OWN_ROW = "account_id = app_account()"


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_person"),
        ("access", "0003_qualification"),
        ("parties", "0004_registration"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="person",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.person"),
        ),
        migrations.RunSQL(PLACE, migrations.RunSQL.noop),
        admit("access_account", Role.PERSON, "select, update (password, must_change_password)", "id = app_account()"),
        admit("access_grant", Role.PERSON, "select", OWN_ROW),
        admit("access_signin", Role.PERSON, "select, update (seen_at, ended_at)", OWN_ROW),
    ]
