"""The sandbox partners as real processes."""
