"""承诺书, 协议 and 服务条款 by version: whoever accepts one accepts the text of a version, and the version is kept with the acceptance.

One YAML file a document under agreements/, oldest version first. A text is never changed: a new version is added.
"""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

from shebao.base.errors import ShebaoError

FOLDER = Path(__file__).parent / "agreements"


class UnknownAgreementError(ShebaoError):
    """No document, or no version of it, bears that name."""

    code = "POL-20"
    status = 404


class Agreement(BaseModel):
    """One version of a document. `sample`: the wording is ours and must be replaced by the official text before real use."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    version: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    title: str
    since: date
    source: str
    sample: bool
    paragraphs: Annotated[tuple[str, ...], Field(min_length=1)]


@cache
def _versions(code: str) -> tuple[Agreement, ...]:
    path = FOLDER / f"{code}.yaml"
    if not code.isidentifier() or not path.is_file():
        raise UnknownAgreementError("没有找到这份文书，请核对地址")
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(sorted((Agreement(code=code, **entry) for entry in loaded), key=lambda one: one.since))


def codes() -> list[str]:
    """The documents there are, by code."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def agreement(code: str, version: str) -> Agreement:
    """One version of a document. Raises: UnknownAgreementError."""
    for one in _versions(code):
        if one.version == version:
            return one
    raise UnknownAgreementError("没有找到这一版本的文书，请核对地址")


def in_force(code: str, on: date) -> Agreement:
    """The version to be accepted on a day. Raises: UnknownAgreementError."""
    known = [one for one in _versions(code) if one.since <= on]
    if not known:
        raise UnknownAgreementError("这份文书在该日还没有施行的版本")
    return known[-1]
