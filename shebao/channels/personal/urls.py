"""Addresses of the 个人 portal, below /p/. An area keeps its own list beside its views."""

from django.urls import URLPattern, path

from shebao.channels.personal import account, debit, home, pay

urlpatterns: list[URLPattern] = [
    path("", home.home, name="personal-home"),
    *pay.urls,
    *debit.urls,
    *account.urls,
]
