"""Addresses of the public pages."""

from django.urls import URLPattern, path

from shebao.channels import attachments
from shebao.channels.public import views

urlpatterns: list[URLPattern] = [
    path("", views.home, name="home"),
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("password", views.password, name="password-change"),
    path("items", views.guides, name="guides"),
    path("items/<slug:slug>", views.guide, name="guide"),
    path("search", views.guides, name="search"),
    path("v", views.verify, name="verify"),
    path("v/<str:code>", views.verify, name="verify-code"),
    path("notices", views.notices, name="notices"),
    path("messages", views.messages, name="messages"),
    path("face", views.face, name="face"),
    path("accessibility", views.accessibility, name="accessibility"),
    path("ui", views.gallery, name="gallery"),
    path("attachments/<uuid:attachment_id>", attachments.served, name="attachment"),
    path("health", views.health, name="health"),
]
