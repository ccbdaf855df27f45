"""Addresses of the open API."""

from django.urls import URLPattern, path

from shebao.channels.openapi import attachments, certificates, contact, me, my_account, my_debit, register, views

urlpatterns: list[URLPattern] = [
    path("", views.page, name="openapi-page"),
    path("openapi.json", views.document, name="openapi"),
    path("sign-in", views.sign_in, name="api-sign-in"),
    path("items", contact.items_list, name="api-items"),
    path("items/<slug:slug>", contact.item_guide, name="api-item"),
    path("items/<slug:slug>/check", views.check, name="api-check"),
    path("items/<slug:slug>/filings", views.file, name="api-file"),
    path("attachments", attachments.upload, name="api-attachments"),
    path("cases", views.cases, name="api-cases"),
    path("cases/<str:number>", views.case, name="api-case"),
    path("cases/<str:number>/withdraw", views.withdraw, name="api-withdraw"),
    path("me/account", my_account.account, name="api-my-account"),
    path("unit", register.unit, name="api-unit"),
    path("staff", register.people, name="api-staff"),
    path("staff/<str:number>", register.employee, name="api-employee"),
    path("offices", contact.offices, name="api-offices"),
    path("offices/<int:office_id>/slots", contact.slots, name="api-slots"),
    path("bookings", contact.bookings, name="api-bookings"),
    path("bookings/<str:number>/cancel", contact.cancel, name="api-booking-cancel"),
    path("messages", contact.messages, name="api-messages"),
    path("certificates", certificates.order, name="api-bundles"),
    path("certificates/<int:bundle_id>", certificates.bundle, name="api-bundle"),
    path("certificates/<int:bundle_id>.zip", certificates.fetch, name="api-bundle-zip"),
    path("bills", views.bills, name="api-bills"),
    path("bills/<str:number>", views.bill, name="api-bill"),
    path("bills/<str:number>/people/<str:person>", views.due, name="api-due"),
    path("me/debit", my_debit.debit, name="api-me-debit"),
    path("me/assess", me.assess, name="api-me-assess"),
    path("me/bills", me.bills, name="api-me-bills"),
    path("me/bills/<str:number>", me.bill, name="api-me-bill"),
]
