"""经办: the agency at /w/."""
