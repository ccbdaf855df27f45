"""事项: one file each. An item says what; it imports no surface."""
