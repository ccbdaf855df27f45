"""The virtual city: random lives of units and people driven through the real operations on the real database, and judged by others."""
