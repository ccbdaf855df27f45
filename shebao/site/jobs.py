"""The jobs by name. Each opens its own actor; each can be run again without harm. Retries are few and named."""

from datetime import date

from django.conf import settings
from procrastinate.contrib.django import app

from shebao.access.acting import acting
from shebao.base.actor import ENGINE
from shebao.base.clock import ZONE, now
from shebao.casework import attachments, batch, error_files, review, settling
from shebao.casework.item import item_of
from shebao.casework.large import open_settlement
from shebao.casework.models import Case, Upload
from shebao.channels import bundling
from shebao.channels.contexts import of_case
from shebao.gateways.bank_client import Http
from shebao.runs import (
    account_interest,
    bank_exchange,
    bank_http,
    bank_withholding,
    flexible_month,
    monthly_assessment,
    reconcile_day,
    tax_office,
)
from shebao.runs import recalculate as recalculate_run
from shebao.site import partners
from shebao.site.job_retries import AGAIN, PATIENT
from shebao.surfaces.error_list import error_list_of
from shebao.surfaces.workbook import TemplateMark, UploadRefused, read_upload


def name_all() -> None:
    """Importing this module has named the jobs; nothing more is needed."""


@app.task(name="review_automatically", retry=AGAIN)
def review_automatically(case_id: int) -> None:
    """系统自动审核 of one case."""
    with acting(ENGINE):
        case = Case.objects.get(pk=case_id)
        review.review_automatically(case_id, of_case(case, now()))


@app.task(name="settle_case", retry=PATIENT)
def settle_case(case_id: int) -> None:
    """Let the decision on a large batch take effect, from where it is."""
    with acting(ENGINE):
        case = Case.objects.get(pk=case_id)
        settlement = open_settlement(case)
        if settlement is None:
            return
        context = of_case(case, settlement.decided_at.astimezone(ZONE))
    settling.go_on(case_id, context, clock=now)


@app.task(name="make_error_list", retry=AGAIN)
def make_error_list(case_id: int) -> None:
    """下载导入失败列表 of a large batch, of its rows as they are now."""
    with acting(ENGINE):
        case = Case.objects.get(pk=case_id)
        if error_files.ready(case) is None:
            error_files.keep(case, *error_list_of(case))


@app.task(name="check_upload", retry=AGAIN)
def check_upload(case_id: int) -> None:
    """Read and check the workbook of one case."""
    with acting(ENGINE):
        case = Case.objects.get(pk=case_id)
        upload = Upload.objects.get(case_id=case_id)
        context = of_case(case, now())
    item = item_of(case.item_code, case.item_version)
    if upload.finished_at is not None:
        return
    try:
        sheet = read_upload(
            bytes(upload.content),
            upload.name,
            TemplateMark(item.code, item.version),
            item.columns,
            rows_max=item.batch_rows_max,
            lines_seen=lambda lines: batch.announce(case_id, lines),
        )
    except UploadRefused as error:
        batch.refuse(case_id, error, at=now())
        return
    batch.load(case_id, item, context, sheet.columns, sheet.row_numbers, sheet.warnings, clock=now)


@app.periodic(cron="41 * * * *")
@app.task(name="empty_unfiled_attachments", queueing_lock="empty_unfiled_attachments", retry=AGAIN)
def empty_unfiled_attachments(timestamp: int) -> None:
    """Photos and scans that were never filed lose their bytes after a day."""
    with acting(ENGINE):
        attachments.empty_unfiled(at=now())


@app.task(name="assess_month", retry=AGAIN)
def assess_month(run_id: int) -> None:
    """Do what is missing of a monthly assessment."""
    monthly_assessment.run(run_id, clock=now)


@app.task(name="settle_accounts", retry=AGAIN)
def settle_accounts(run_id: int) -> None:
    """Do what is missing of a yearly settlement of personal accounts."""
    account_interest.run(run_id, clock=now)


@app.task(name="recalculate", retry=AGAIN)
def recalculate(recalculation_id: int) -> None:
    """Do what is missing of a trial of 重新核定."""
    recalculate_run.run(recalculation_id, clock=now)


@app.task(name="run_flexible", retry=AGAIN)
def run_flexible(run_id: int) -> None:
    """Do what is missing of the dues of flexible workers, or of the end of their year."""
    flexible_month.run(run_id, clock=now)


@app.task(name="reconcile_day", retry=AGAIN)
def reconcile_the_day(place: str, day: str, account_id: int, by: str) -> None:
    """对账 of a day, in the name of whoever asked."""
    reconcile_day.run(place, date.fromisoformat(day), clock=now, account_id=account_id, name=by)


@app.task(name="make_bundle", retry=AGAIN)
def make_bundle(bundle_id: int) -> None:
    """Make what is missing of many certificates ordered at once."""
    bundling.work(bundle_id, clock=now)


@app.periodic(cron="* * * * *")
@app.task(name="tax_send", queueing_lock="tax_send", lock="tax_send", retry=AGAIN)
def tax_send(timestamp: int) -> None:
    """Send what waits for the tax office. It tries again every minute; messages that were not answered say when."""
    tax_office.send(partners.tax_office(), clock=now)


@app.periodic(cron="* * * * * */15")
@app.task(name="bank_exchange", queueing_lock="bank_exchange", lock="bank_exchange", retry=AGAIN)
def exchange_with_bank(timestamp: int) -> None:
    """Files to and from the bank, where there is a folder for them or an address."""
    root = partners.bank_folder()
    if root is None:
        return
    key = partners.own_private_key()
    bank_exchange.exchange(root, key, partners.bank_keys(), partners.tax_office(), place=settings.PLACE, clock=now)
    if settings.BANK_URL:
        bank_http.carry(root, Http(settings.BANK_URL))


@app.task(name="bank_finish", lock="bank_exchange", retry=AGAIN)
def finish_answered_batches() -> None:
    """Book a result that somebody brought, and tell the people."""
    bank_exchange.finish(now)


@app.periodic(cron="10 1 * * *")
@app.task(name="bank_withholding", queueing_lock="bank_withholding", retry=AGAIN)
def withhold_by_banks(timestamp: int) -> None:
    """Each night: on a batch day, the batches of the day are begun and built; they wait for the second person."""
    bank_withholding.build_due(settings.PLACE, settings.DATA / "debits", partners.own_private_key(), clock=now)


@app.task(name="bank_build", retry=AGAIN)
def build_batch(batch_id: int) -> None:
    """Do what is missing of a batch that was begun."""
    bank_withholding.build(batch_id, settings.DATA / "debits", partners.own_private_key(), clock=now)


@app.task(name="bank_exchange_now", lock="bank_exchange", queueing_lock="bank_exchange_now", retry=AGAIN)  # one waits for all
def exchange_with_bank_now() -> None:
    """What was just confirmed goes out at once."""
    exchange_with_bank(0)


@app.periodic(cron="20 6 * * *")
@app.task(name="tax_day", queueing_lock="tax_day", retry=PATIENT)
def tax_day(timestamp: int) -> None:
    """Every morning: the list of yesterday, and again of the days before that did not agree."""
    if (office := partners.tax_office()) is not None:
        tax_office.ask_days(office, clock=now)


@app.task(name="tax_list", retry=AGAIN)
def tax_list(day: str) -> None:
    """The list of one day that somebody asked for."""
    if (office := partners.tax_office()) is not None:
        tax_office.ask_day(office, date.fromisoformat(day), clock=now)
