"""个人账户 on record."""
