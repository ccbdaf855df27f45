"""Addresses of the unit portal, below /u/."""

from django.urls import URLPattern, path

from shebao.channels.portal import batch, bills, case, certificate_page, home, items, months, single, staff, tasks

urlpatterns: list[URLPattern] = [
    path("", home.home, name="portal-home"),
    path("todo", tasks.todo, name="portal-todo"),
    path("done", tasks.done, name="portal-done"),
    path("search", tasks.search, name="portal-search"),
    path("items", items.grid, name="portal-items"),
    path("items/<slug:slug>/", items.landing, name="portal-item"),
    path("items/<slug:slug>/new", single.new, name="portal-new"),
    path("items/<slug:slug>/lookup", single.look_up, name="portal-look-up"),
    path("items/<slug:slug>/validate", single.validate, name="portal-validate"),
    path("items/<slug:slug>/batch", batch.entry, name="portal-batch"),
    path("items/<slug:slug>/template.xlsx", batch.template, name="portal-template"),
    path("items/<slug:slug>/upload", batch.upload, name="portal-upload"),
    path("cases/<int:case_id>", case.page, name="portal-case"),
    path("cases/<int:case_id>/print", certificate_page.print_case, name="portal-print"),
    path("cases/<int:case_id>/edit", single.edit, name="portal-edit"),
    path("cases/<int:case_id>/submit", case.submit, name="portal-submit"),
    path("cases/<int:case_id>/withdraw", case.withdraw, name="portal-withdraw"),
    path("cases/<int:case_id>/status", case.status, name="portal-status"),
    path("cases/<int:case_id>/progress", batch.progress, name="portal-progress"),
    path("cases/<int:case_id>/errors.xlsx", batch.error_list, name="portal-error-list"),
    path("cases/<int:case_id>/rows", batch.recheck, name="portal-rows"),
    path("cases/<int:case_id>/rows/remove", batch.remove, name="portal-rows-remove"),
    path("cases/<int:case_id>/rows/<int:filing_id>", batch.amend, name="portal-row"),
    path("bills", bills.bills, name="portal-bills"),
    path("bills/<slug:number>", bills.bill, name="portal-bill"),
    path("bills/<slug:number>/print", bills.print_bill, name="portal-bill-print"),
    path("bills/<slug:number>/people/<int:person_id>", bills.person, name="portal-bill-person"),
    path("months", months.months, name="portal-months"),
    path("months/<int:month>", months.month, name="portal-month"),
    path("months/<int:month>/declare", months.declare, name="portal-month-declare"),
    path("staff", staff.roster, name="portal-staff"),
    path("staff.xlsx", staff.export, name="portal-staff-export"),
    path("staff/<int:person_id>", staff.employee, name="portal-employee"),
    path("staff/<int:person_id>/reveal", staff.reveal, name="portal-reveal"),
    path("certificates", certificate_page.page, name="portal-certificates"),
    path("papers/<slug:code>.pdf", certificate_page.paper, name="portal-paper"),
]
