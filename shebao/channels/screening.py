"""Before anything looks at a request: a host that is not ours, a body over the limits, a form that cannot be read are refused here."""

from django.conf import settings
from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from shebao.channels import errors

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
FORM_BYTES_MAX = 2**20  # around the file of an upload: its other fields and the boundaries
QUERY_LENGTH_MAX = 8_192
MIB = 2**20
UNREADABLE = (BadRequest, SuspiciousOperation, UnreadablePostError, MultiPartParserError)


def refusal(request: HttpRequest) -> HttpResponse | None:
    """The answer to a request that cannot be served as it came; None for all others.

    Reads the form, so that what is wrong with it is told here and not wherever it is first looked at.
    """
    try:
        request.get_host()
    except DisallowedHost:
        return errors.page(request, 400, text="这个地址不是本网站的地址，请从单位收藏的网址重新进入")
    if len(request.META.get("QUERY_STRING", "")) > QUERY_LENGTH_MAX:
        return errors.page(request, 414)
    if _length(request) > settings.UPLOAD_BYTES_MAX + FORM_BYTES_MAX:
        return errors.page(request, 413)
    try:
        return errors.page(request, 400) if _holds_nul(request) else None
    except RequestDataTooBig:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // MIB
        return errors.page(request, 413, text=f"一次提交的文字最多 {most} MB，这次超过了，没有保存；请删减，或改用批量上传")
    except (TooManyFieldsSent, TooManyFilesSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return errors.page(request, 413, text=f"一次提交的栏目最多 {most:,} 个，这次超过了，没有保存；请分几次提交")
    except UNREADABLE:
        return errors.page(request, 400)


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _holds_nul(request: HttpRequest) -> bool:
    """NUL never means anything, and PostgreSQL keeps no text with it."""
    sent = [request.GET] + ([request.POST] if request.content_type in FORM_TYPES else [])
    return "\0" in request.path or any(_in(each) for each in sent)


def _in(sent: QueryDict) -> bool:
    return any("\0" in name or any("\0" in text for text in texts) for name, texts in sent.lists())
