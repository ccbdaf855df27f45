"""对账 on record."""
