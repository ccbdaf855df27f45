"""Addresses under /partners/: for programs of partners."""

from django.urls import path

from shebao.channels.partners import tax

urlpatterns = [
    path("tax/v1/payments", tax.payments, name="partner-tax-payments"),
    path("tax/v1/reversals", tax.reversals, name="partner-tax-reversals"),
]
