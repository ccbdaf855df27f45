"""Addresses of the administration."""

from django.urls import URLPattern, path

from shebao.channels.administration import accounts, calendar, trace

urlpatterns: list[URLPattern] = [
    path("accounts", accounts.listed, name="accounts"),
    path("accounts/<int:account_id>", accounts.account, name="account"),
    path("accounts/<int:account_id>/reset", accounts.reset, name="account-reset"),
    path("accounts/<int:account_id>/disable", accounts.disable, name="account-disable"),
    path("accounts/<int:account_id>/enable", accounts.enable, name="account-enable"),
    path("calendar", calendar.listed, name="calendar"),
    path("calendar/enter", calendar.enter, name="calendar-enter"),
    path("calendar/<int:year>/confirm", calendar.confirm, name="calendar-confirm"),
    path("trace", trace.listed, name="trace"),
]
