"""Answers that say no: a page for people, problem+json for programs. What happened, why, and what to do."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from shebao.base.errors import RefusedError, ShebaoError
from shebao.channels.frame import frame

PAGES = frozenset({403, 404, 409, 413, 422, 429, 500, 503})  # those that have a template; others are shown as 500
SENTENCES = {
    401: "请先登录，再调用接口",
    403: "您登录的账号没有办理这项业务的岗位权限",
    404: "没有找到，地址可能写错了，或者不属于您所在的单位",
    405: "这个地址不能用这种方式请求",
    409: "内容已被更改，请取最新内容核对后再操作",
    413: "内容超过大小限制，请拆分后分几次上传",
    415: "请用 application/json 发送内容",
    422: "内容没有通过校验",
    429: "请求太频繁，请稍后再试",
    500: "系统出了差错，本次请求没有产生影响",
    503: "数据库暂时连接不上，请稍后重试",
}


def page(request: HttpRequest, status: int, *, text: str = "", back_url: str = "") -> HttpResponse:
    """An error page, or problem+json where the API asked."""
    if request.path.startswith("/api/"):
        return problem(request, status, f"HTTP-{status}", text or SENTENCES.get(status, SENTENCES[500]))
    context = frame(request, "") | {"reason": text, "trace_id": getattr(request, "trace", "")}
    if back_url:
        context["back_url"] = back_url
    return render(request, f"errors/{status if status in PAGES else 500}.html", context, status=status)


def told(request: HttpRequest, error: ShebaoError) -> HttpResponse:
    """A refusal of an operation, in its own words."""
    if request.path.startswith("/api/"):
        refusals = error.refusals if isinstance(error, RefusedError) else []
        return problem(request, error.status, error.code, error.text, [_as_dict(r) for r in refusals])
    return page(request, error.status, text=error.text)


def _as_dict(refusal: object) -> dict[str, object]:
    return {name: getattr(refusal, name) for name in ("code", "text", "field", "suggestion")}


def problem(request: HttpRequest, status: int, code: str, text: str, errors: list[dict[str, object]] | None = None) -> JsonResponse:
    """RFC 9457 problem details, with our code and a sentence for the person behind the program."""
    body: dict[str, object] = {"type": f"/help/errors#{code}", "title": text, "status": status, "code": code}
    body["trace"] = getattr(request, "trace", "")
    if errors:
        body["errors"] = errors
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    response["Content-Type"] = "application/problem+json; charset=utf-8"
    return response


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form came without its token: another site sent it, or the page was open for too long."""
    return page(request, 403, text="页面打开时间过长或来源不明，为保护您的账号没有执行。请返回并刷新页面后重新提交。")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return page(request, 404)


def failed(request: HttpRequest) -> HttpResponse:
    """500 outside of any view."""
    return page(request, 500)
