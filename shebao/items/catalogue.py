"""All items of the hall. One line an item."""

from shebao.casework.item import register


def enter() -> None:
    """Enter every item into the catalogue."""
    register([])
