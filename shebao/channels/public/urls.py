"""Addresses of the public pages."""

from django.urls import URLPattern, path

from shebao.channels import attachments
from shebao.channels.public import agreements, help, news, registration, views

urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("password", views.password, name="password-change"),
    path("agreements", agreements.accept, name="agreements-accept"),
    path("agreements/<slug:code>/<slug:version>", agreements.text, name="agreement"),
    path("register", registration.page, name="register"),
    path("items", help.guides, name="guides"),
    path("items/<slug:slug>", help.guide, name="guide"),
    path("items/<slug:slug>/template.xlsx", help.template, name="guide-template"),
    path("answers", help.answers, name="answers"),
    path("search", help.search, name="search"),
    path("v", views.verify, name="verify"),
    path("v/<str:code>", views.verify, name="verify-code"),
    path("notices", news.notices, name="notices"),
    path("notices/<int:notice_id>", news.notice, name="notice"),
    path("messages", news.messages, name="messages"),
    path("messages/read", news.messages_read, name="messages-read"),
    path("messages/<int:message_id>", news.message, name="message"),
    path("face", views.face, name="face"),
    path("accessibility", views.accessibility, name="accessibility"),
    path("ui", views.gallery, name="gallery"),
    path("attachments/<uuid:attachment_id>", attachments.served, name="attachment"),
    path("health", views.health, name="health"),
]
