"""参保关系 of units' staff."""
