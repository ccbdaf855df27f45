"""Answers that say no: a page for people, problem+json for programs. What happened, why, and what to do."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from shebao.base.errors import RefusedError, ShebaoError
from shebao.channels.frame import frame

PAGES = frozenset({403, 404, 409, 413, 422, 429, 500})  # those that have a template of their own
# Of all others. errors/503.html is for a planned stop and promises that deadlines move; a lost database promises nothing.
HEADINGS = {
    400: "这个请求无法识别",
    405: "这个地址不能这样访问",
    413: "提交的内容太多",
    414: "查询的条件太长",
    415: "内容的格式不对",
    503: "系统暂时连接不上",
}
FOR_PROGRAMS = ("/api/", "/partners/")  # addresses whose errors are problems, not pages
MIB = 2**20
SENTENCES = {
    400: "请求里有系统不能识别的内容，没有执行，您的数据没有变化",
    401: "请先登录，再调用接口",
    403: "您登录的账号没有办理这项业务的岗位权限",
    404: "没有找到，地址可能写错了，或者不属于您所在的单位",
    405: "这个地址不能用这种方式请求",
    409: "内容已被更改，请取最新内容核对后再操作",
    413: "内容超过大小限制，请拆分后分几次上传",
    414: "地址里的查询条件太长，没有执行，请减少条件后再查",
    415: "请用 application/json 发送内容",
    422: "内容没有通过校验",
    429: "请求太频繁，请稍后再试",
    500: "系统出了差错，本次请求没有产生影响",
    503: "数据库暂时连接不上，这一次没有生效；已保存的草稿和已提交的办件不受影响，请稍后重试",
}


def page(request: HttpRequest, status: int, *, text: str = "", back_url: str = "", heading: str = "") -> HttpResponse:
    """An error page, or problem+json where the API asked."""
    if request.path.startswith(FOR_PROGRAMS):
        return problem(request, status, f"HTTP-{status}", text or SENTENCES.get(status, SENTENCES[500]))
    # What was refused is rolled back, and what failed may have left the database of no use: such a page asks for nothing.
    context = frame(request, "") | {"reason": text, "trace_id": getattr(request, "trace", "")}
    context |= {"limit": f"{settings.UPLOAD_BYTES_MAX // MIB} MB"} | ({"back_url": back_url} if back_url else {})
    if heading:  # a refusal with a heading of its own
        context |= {"status": status, "heading": heading}
        return render(request, "errors/refused.html", context, status=status)
    return render(request, _template(status, text), context | _refused(status, text), status=status)


def _template(status: int, text: str) -> str:
    if status in HEADINGS and (status not in PAGES or text):
        return "errors/refused.html"
    return f"errors/{status if status in PAGES else 500}.html"


def _refused(status: int, text: str) -> dict[str, object]:
    """What errors/refused.html shows; nothing for the pages that say it themselves."""
    if status not in HEADINGS:
        return {}
    return {"status": status, "heading": HEADINGS[status], "reason": text or SENTENCES[status]}


def told(request: HttpRequest, error: ShebaoError) -> HttpResponse:
    """A refusal of an operation, in its own words."""
    if request.path.startswith(FOR_PROGRAMS):
        refusals = error.refusals if isinstance(error, RefusedError) else []
        return problem(request, error.status, error.code, error.text, [_as_dict(r) for r in refusals])
    heading = getattr(error, "heading", "")
    return page(request, error.status, text=error.text, heading=heading, back_url=request.path if heading else "")


def _as_dict(refusal: object) -> dict[str, object]:
    return {name: getattr(refusal, name) for name in ("code", "text", "field", "suggestion")}


def problem(request: HttpRequest, status: int, code: str, text: str, errors: list[dict[str, object]] | None = None) -> JsonResponse:
    """RFC 9457 problem details, with our code and a sentence for the person behind the program."""
    body: dict[str, object] = {"type": f"urn:shebao:error:{code}", "title": text, "status": status, "code": code}
    body["trace"] = getattr(request, "trace", "")
    if errors:
        body["errors"] = errors
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response["Content-Type"] = "application/problem+json; charset=utf-8"
    return response


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form came without its token: another site sent it, or the page was open for too long.

    Addresses of the API that take a POST are exempt (they want a Bearer token), so there it can only be the wrong method.
    """
    if request.path.startswith(FOR_PROGRAMS):
        response = page(request, 405)
        response["Allow"] = "GET, HEAD"
        return response
    return page(request, 403, text="页面打开时间过长或来源不明，为保护您的账号没有执行。请返回并刷新页面后重新提交。")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return page(request, 404)


def failed(request: HttpRequest) -> HttpResponse:
    """500 outside of any view."""
    return page(request, 500)
