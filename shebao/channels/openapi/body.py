"""Reading the body of an API request strictly."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from shebao.base.errors import ShebaoError
from shebao.surfaces.api import BadBodyError

BYTES_MAX = 2 * 1024 * 1024
DEPTH_MAX = 8


class WrongTypeError(ShebaoError):
    """Not JSON."""

    code = "API-02"
    status = 415


class TooLargeError(ShebaoError):
    """More than the limit."""

    code = "API-03"
    status = 413


def json_body(request: HttpRequest, names: frozenset[str], *, optional: frozenset[str] = frozenset()) -> Mapping[str, Any]:
    """The JSON object of a request, with exactly the names that are known.

    Raises: WrongTypeError, TooLargeError, BadBodyError.
    """
    if request.content_type != "application/json":
        raise WrongTypeError("请用 Content-Type: application/json 发送 JSON")
    if int(request.headers.get("Content-Length") or 0) > BYTES_MAX:
        raise TooLargeError("请求超过 2 兆，请分几次发送，或改用批量上传")
    try:
        body = json.loads(request.body.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise BadBodyError("请求不是有效的 JSON，请检查格式和 UTF-8 编码") from None
    if not isinstance(body, dict) or _depth(body) > DEPTH_MAX:
        raise BadBodyError("请求应为 JSON 对象，且嵌套不超过 8 层")
    unknown = [name for name in body if name not in names | optional]
    if unknown:
        raise BadBodyError(f"没有 {unknown[0][:40]} 这个字段；可用字段：{'、'.join(sorted(names | optional))}")
    missing = sorted(name for name in names if name not in body)
    if missing:
        raise BadBodyError(f"缺少字段：{'、'.join(missing)}")
    if _holds_nul(body):
        raise BadBodyError("内容里有不允许的字符（NUL），请删除后重发")
    return body


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds_nul(part) for part in parts)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(v) for v in value), default=0)
    return 0


def uuid_of(text: Any) -> UUID:
    """A submission key. Raises: BadBodyError."""
    try:
        return UUID(str(text))
    except ValueError:
        raise BadBodyError("submission_key 应为 UUID，由调用方生成") from None
