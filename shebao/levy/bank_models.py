"""批扣 on record: signed debits, batches, their lines."""
