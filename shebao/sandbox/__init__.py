"""Partners that really run: a bank and a tax office as processes of their own, with switches for trouble."""
