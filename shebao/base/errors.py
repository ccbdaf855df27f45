"""How we say no. A Refusal is a value for a person; a ShebaoError is raised where an operation must not go on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a filing cannot be accepted, in plain Chinese: what is wrong and what to do.

    code: unique in the whole system and documented in docs/manual (e.g. 'ENR-02').
    field: the name of the field to mend, or None when the filing as a whole is meant.
    suggestion: a value that would be accepted in that field, where a rule can compute one.
    link: an address within the hall where what stands in the way can be dealt with.
    """

    code: str
    text: str
    field: str | None = None
    suggestion: str | None = None
    link: str = ""


class ShebaoError(Exception):
    """An expected 'no'. `text` is a Chinese sentence for the user; surfaces show it and change nothing.

    Subclasses stand beside the operation that raises them and carry their own `code`.
    """

    code = "SYS-00"
    status = 409

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class RefusedError(ShebaoError):
    """An operation met refusals that belong to rows or fields."""

    code = "SYS-01"
    status = 422

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__("；".join(refusal.text for refusal in refusals))
        self.refusals = refusals
