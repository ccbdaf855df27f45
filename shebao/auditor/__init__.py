"""稽核: an independent auditor of the books. It shares no code with what it audits: its own SQL over the tables, psycopg and base only."""
