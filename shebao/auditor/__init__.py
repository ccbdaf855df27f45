"""The independent auditor of the books: plain SQL over the database, sharing no code with what it checks."""
