"""操作日志 for 稽核审计."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from shebao.audit.queries import ACTIONS, PAGE, trace
from shebao.channels.frame import frame
from shebao.channels.guards import auditors


@auditors
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The trace, newest first."""
    search, action = request.GET.get("q", "").strip()[:60], request.GET.get("action", "")
    before = request.GET.get("before", "")
    earlier = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = trace(search=search, action=action if action in ACTIONS else "", before=earlier)
    context = {
        "events": [(event, ACTIONS.get(event.action, event.action)) for event in found],
        "q": search,
        "action": action,
        "actions": ACTIONS,
        "more": found[-1].pk if len(found) == PAGE else None,
    }
    return render(request, "administration/trace.html", frame(request, "操作日志") | context)
