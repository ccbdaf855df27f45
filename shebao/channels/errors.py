"""Answers that say no: a page for people, problem+json for programs. What happened, why, and what to do."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from shebao.base.errors import RefusedError, ShebaoError
from shebao.channels.frame import frame


@dataclass(frozen=True, slots=True)
class Words:
    """Title, what happened, what to do."""

    title: str
    what: str
    do: str


WORDS = {
    403: Words("没有权限打开这个页面", "您登录的账号没有办理这项业务的岗位权限。", "请返回首页，或联系本单位主经办人、系统管理员开通权限。"),
    404: Words("没有找到这个页面", "地址可能写错了，内容可能已删除，或者不属于您所在的单位。", "请核对地址，或从首页、待办任务重新进入。"),
    405: Words("这个地址不能这样打开", "请求的方式与页面不符。", "请从页面上的按钮重新操作。"),
    409: Words("内容已被更改", "在您操作之前，其他人或其他窗口已经更改了它。", "请打开最新内容核对后再操作。"),
    413: Words("文件太大", "上传的内容超过了大小限制。", "请拆分后分几次上传。"),
    422: Words("有内容需要修改", "填写的内容没有通过校验。", "请按提示修改后重新提交。"),
    429: Words("操作太频繁", "短时间内的请求太多。", "请稍等一分钟再试。"),
    500: Words("系统出错了", "这是系统的问题，不是您的操作造成的；本次操作没有产生任何影响。", "请稍后重试；如仍不行，请把下面的编号告诉客服。"),
    503: Words("系统暂时不能办理", "数据库暂时连接不上，已保存的草稿不受影响。", "请稍等几分钟再打开本页。"),
}


def page(request: HttpRequest, status: int, *, text: str = "") -> HttpResponse:
    """An error page, or problem+json where the API asked."""
    words = WORDS.get(status, WORDS[500])
    if request.path.startswith("/api/"):
        return problem(request, status, f"HTTP-{status}", text or words.what)
    context = frame(request, words.title) | {
        "status": status,
        "title": words.title,
        "what": text or words.what,
        "do": words.do,
        "trace": getattr(request, "trace", ""),
    }
    return render(request, "errors/error.html", context, status=status)


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
