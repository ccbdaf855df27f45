"""办件: the engine of filings. It knows fields, states, batches and reviews; it knows no insurance."""
