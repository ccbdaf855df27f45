"""Addresses of the agency's desk."""

from django.urls import URLPattern, path

from shebao.channels.desk import counter, declarations, home, look, money, months, queue, receipts, review

urlpatterns: list[URLPattern] = [
    path("", home.home, name="desk"),
    path("queue/take", queue.take, name="desk-take"),
    path("queue/<slug:name>", queue.listed, name="desk-queue"),
    path("cases/<int:case_id>", review.case_page, name="desk-case"),
    path("cases/<int:case_id>/claim", review.claim, name="desk-claim"),
    path("cases/<int:case_id>/release", review.release, name="desk-release"),
    path("cases/<int:case_id>/decide", review.decide, name="desk-decide"),
    path("counter/", counter.home, name="desk-counter"),
    path("counter/cases/<int:case_id>", counter.case_page, name="desk-counter-case"),
    path("counter/cases/<int:case_id>/edit", counter.edit, name="desk-counter-edit"),
    path("counter/cases/<int:case_id>/submit", counter.submit, name="desk-counter-submit"),
    path("counter/cases/<int:case_id>/withdraw", counter.withdraw, name="desk-counter-withdraw"),
    path("counter/<slug:number>/<slug:slug>/new", counter.new, name="desk-counter-new"),
    path("counter/<slug:number>/<slug:slug>/lookup", counter.look_up, name="desk-counter-look-up"),
    path("counter/<slug:number>/<slug:slug>/validate", counter.validate, name="desk-counter-validate"),
    path("months", months.listed, name="desk-months"),
    path("months/<int:month>/start", months.start, name="desk-month-start"),
    path("months/runs/<int:run_id>/progress", months.progress, name="desk-month-progress"),
    path("declarations", declarations.listed, name="desk-declarations"),
    path("declarations.xlsx", declarations.export, name="desk-declarations-export"),
    path("receipts", receipts.listed, name="desk-receipts"),
    path("receipts/upload", receipts.upload, name="desk-receipts-upload"),
    path("receipts/enter", receipts.enter, name="desk-receipts-enter"),
    path("receipts/files/<int:file_id>", receipts.file_page, name="desk-receipt-file"),
    path("receipts/<int:receipt_id>/confirm", receipts.confirm, name="desk-receipt-confirm"),
    path("receipts/<int:receipt_id>/void", receipts.void, name="desk-receipt-void"),
    path("suspense", money.suspense, name="desk-suspense"),
    path("arrears", money.arrears, name="desk-arrears"),
    path("bills/<slug:number>", money.bill, name="desk-bill"),
    path("trial-balance", money.trial_balance_page, name="desk-trial-balance"),
    path("search", look.search, name="desk-search"),
    path("units", look.units, name="desk-units"),
    path("units/<slug:number>", look.unit, name="desk-unit"),
    path("people", look.people, name="desk-people"),
    path("people/<slug:number>", look.person, name="desk-person"),
]
