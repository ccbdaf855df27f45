"""The open API at /api/v1/: the same items, the same rules, in JSON."""
