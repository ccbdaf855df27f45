"""The guard of partners: whoever calls proves by a signature who he is, before anything of the message is looked at."""

from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError

from shebao.base.errors import ShebaoError
from shebao.channels import errors
from shebao.gateways import signed
from shebao.gateways.partner_keys import KeyRefused, keys_of, own_key
from shebao.gateways.strict_json import BYTES_MAX, MessageRefused
from shebao.gateways.tax_client import true_time


def folder() -> Path:
    """Where the keys are."""
    return Path(settings.PARTNERS)


def refusal(request: HttpRequest, partner: str) -> HttpResponse | None:
    """The answer to a call whose signature does not hold; None when it does. `request.partner_key`: the id of the key that signed."""
    try:
        content = _content(request)
        key = signed.verify_request(keys_of(folder(), partner), request.headers, str(request.method), request.path, content, at=true_time())
    except MessageRefused as error:
        return refused(request, error, None)
    except KeyRefused as error:
        return refused(request, MessageRefused("TAX-05", error.text, 401), None)
    request.partner_key = key.key_id  # type: ignore[attr-defined]
    return None


def _content(request: HttpRequest) -> bytes:
    try:
        content = request.body
    except RequestDataTooBig:
        content = b" " * (BYTES_MAX + 1)
    except RawPostDataException:  # sent as a form, which was read as one
        raise MessageRefused("TAX-04", "请用 application/json 发送签过名的报文，没有处理", 401) from None
    except UnreadablePostError:
        raise MessageRefused("TAX-02", "报文没有收完整，没有处理，请重新发送", 400) from None
    if len(content) > BYTES_MAX:
        raise MessageRefused("TAX-01", f"报文超过 {BYTES_MAX // 1024 // 1024} MB，请拆成几批发送", 413)
    return content


def answer(status: int, content: bytes, message: UUID | None, kind: str = "application/json") -> HttpResponse:
    """An answer with our signature, for this message and no other."""
    response = HttpResponse(content, status=status, content_type=f"{kind}; charset=utf-8")
    for name, value in signed.sign_answer(own_key(folder()), status, message, content, at=true_time()).items():
        response[name] = value
    return response


def refused(request: HttpRequest, error: ShebaoError, message: UUID | None) -> HttpResponse:
    """A refusal as a signed problem."""
    told = errors.problem(request, error.status, error.code, error.text)
    return answer(error.status, told.content, message, "application/problem+json")
