"""批次: one file each."""
