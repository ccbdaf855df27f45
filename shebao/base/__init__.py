"""Words, numbers and identifiers of the field. No Django, no I/O: every layer may import it."""
