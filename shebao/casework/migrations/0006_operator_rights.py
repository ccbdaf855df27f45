from django.db import migrations

# The same as access.rights says with a sentence: here for whatever forgets to ask. Each list is read once a query.
_HELD = "coalesce('*' = any((select access_open_items({0}))::text[]) or item_code = any((select access_open_items({0}))::text[]), true)"
POLICY = f"""
create policy operator_rights on casework_case as restrictive to shebao_unit
  using ({_HELD.format(1)})
  with check ({_HELD.format(2)} and (state <> 'review' or {_HELD.format(3)}))
"""


class Migration(migrations.Migration):
    """An operator of a unit sees, files and submits cases of those items only that the 主经办人 gave."""

    dependencies = [("casework", "0005_settlement"), ("access", "0003_qualification")]
    operations = [migrations.RunSQL(POLICY, "drop policy operator_rights on casework_case")]
