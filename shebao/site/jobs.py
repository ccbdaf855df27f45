"""The jobs by name. Each opens its own actor; each can be run again without harm."""


def name_all() -> None:
    """Import what registers jobs."""
