"""基金账: double entry in fen, append-only. It knows funds and references, no people."""
