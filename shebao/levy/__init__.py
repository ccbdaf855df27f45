"""征缴: what is owed for a month (核定, 应缴), billed (核定单), received (到账), allocated, and still open (欠费)."""
