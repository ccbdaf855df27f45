"""退费 on record."""
