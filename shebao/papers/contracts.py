"""What each paper needs to be typeset: one typed dictionary a template. README.md explains them in prose.

Values are plain facts, never formatted text. The last word of a key says how typeset writes it: `_fen` (int) as 1,234.56,
`_month` (int YYYYMM) as 2026年12月, `_date` (date) as 2026-11-21, `_at` (datetime) as 2026-11-21 10:32. None leaves the place blank.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import Enum
from typing import NotRequired, TypedDict


class PaperKind(str, Enum):
    """The kinds of papers. The value is the name of the template and is stored with the paper."""

    ADDITION_ROSTER = "addition_roster"
    REDUCTION_ROSTER = "reduction_roster"
    UNIT_ASSESSMENT = "unit_assessment"
    INSURANCE_CERTIFICATE = "insurance_certificate"
    UNIT_CERTIFICATE = "unit_certificate"
    REGISTRATION_FORM = "registration_form"
    REGISTRATION_CERTIFICATE = "registration_certificate"
    VERIFICATION_SLIP = "verification_slip"
    BOOKING_TICKET = "booking_ticket"
    ARREARS_DETAIL = "arrears_detail"
    FILING_FORM = "filing_form"
    RIGHTS_RECORD = "rights_record"

    @property
    def label(self) -> str:
        return _TITLES[self]


_TITLES = {
    PaperKind.ADDITION_ROSTER: "企业参保人员增员表",
    PaperKind.REDUCTION_ROSTER: "企业参保人员减员表",
    PaperKind.UNIT_ASSESSMENT: "单位社会保险费核定表",
    PaperKind.INSURANCE_CERTIFICATE: "社会保险参保证明",
    PaperKind.UNIT_CERTIFICATE: "社会保险参保证明（单位）",
    PaperKind.REGISTRATION_FORM: "社会保险登记表",
    PaperKind.REGISTRATION_CERTIFICATE: "社会保险登记证",
    PaperKind.VERIFICATION_SLIP: "社会保险登记验证单",
    PaperKind.BOOKING_TICKET: "申报业务预约回执",
    PaperKind.ARREARS_DETAIL: "社会保险费补缴明细表",
    PaperKind.FILING_FORM: "社会保险业务申报表",
    PaperKind.RIGHTS_RECORD: "社会保险个人权益记录单",
}


class Common(TypedDict):
    """What every paper carries. The keys that may be left out are put in by operations.issue.

    printed_at: also the PDF's own date, so that the same data give the same bytes; required when typeset is called directly.
    draft: a 草稿 watermark and no seal. code, qr, verify_url: see codes.py; a draft may carry a `qr` that opens its filing.
    qr_note: the words under a draft's QR (default 窗口扫码受理).
    """

    agency: str
    printed_at: NotRequired[datetime]
    draft: NotRequired[bool]
    code: NotRequired[str]
    qr: NotRequired[str]
    qr_note: NotRequired[str]
    verify_url: NotRequired[str]


class RosterHead(Common):
    """What both rosters share.

    serial: 业务顺序号. opinion: 经办机构意见. handled_by, reviewed_by: names of the agency's staff, or 系统自动审核.
    decided_date: None until the filing is decided.
    """

    unit_number: str
    unit_name: str
    period_month: int
    serial: str
    filled_by: str
    filled_phone: str | None
    opinion: str | None
    handled_by: str | None
    reviewed_by: str | None
    decided_date: date | None


class AdditionRow(TypedDict):
    """One person of the 增员表. insurances: AAE140 codes (terms.Insurance). base_fen: 缴费基数, None when not yet assessed."""

    id_number: str
    name: str
    sex: str
    ethnicity: str
    first_month: int
    wage_fen: int
    base_fen: int | None
    insurances: Collection[int]
    note: str


class AdditionRoster(RosterHead):
    """《企业参保人员增员表》. wage_total_fen must be the sum of the rows."""

    rows: Sequence[AdditionRow]
    wage_total_fen: int


class ReductionRow(TypedDict):
    """One person of the 减员表. last_month: 最后缴费年月; first_unpaid_month: 停保起始年月."""

    id_number: str
    name: str
    sex: str
    ethnicity: str
    reason: str
    last_month: int | None
    first_unpaid_month: int
    insurances: Collection[int]
    note: str


class ReductionRoster(RosterHead):
    """《企业参保人员减员表》."""

    rows: Sequence[ReductionRow]


class LabelValue(TypedDict):
    """A fact shown as it is, such as a unit's 单位类型."""

    label: str
    value: str


class AssessmentLine(TypedDict):
    """One 险种 of the month. total_fen = unit_fen + person_fen. rate: such as '16% + 8%', or None."""

    insurance: str
    people: int
    base_fen: int
    rate: str | None
    unit_fen: int
    person_fen: int
    total_fen: int


class ArrearsLine(TypedDict):
    """One 补缴 line: months from first_month to last_month. total_fen = unit_fen + person_fen + late_fee_fen."""

    insurance: str
    people: int
    first_month: int
    last_month: int
    unit_fen: int
    person_fen: int
    late_fee_fen: int
    total_fen: int


class Deduction(TypedDict):
    """What is not to be paid by this bill any more, such as dues that went onto an arrears order."""

    label: str
    amount_fen: int


class UnitAssessment(Common):
    """《单位社会保险费核定表》. total_fen is the sum of all lines; it is also written in capitals.

    lines: of the month; none on the 核定表 of an arrears order.
    deductions, payable_fen: for a bill that part of was taken out of; payable_fen is then what is to be paid, in capitals too.
    facts: further facts of the unit (缴费单位类型, 工伤行业类别, 主管税务机关 …), two a line.
    notices: sentences about parameters that are not verified, and other warnings; printed word for word.
    """

    bill_number: str
    unit_number: str
    unit_name: str
    uscc: str
    facts: Sequence[LabelValue]
    period_month: int
    due_date: date
    people: int
    lines: Sequence[AssessmentLine]
    arrears: Sequence[ArrearsLine]
    unit_fen: int
    person_fen: int
    late_fee_fen: int
    total_fen: int
    assessed_by: str
    reviewed_by: str | None
    assessed_date: date
    notices: Sequence[str]
    deductions: NotRequired[Sequence[Deduction]]
    payable_fen: NotRequired[int]


class ArrearsDetailRow(TypedDict):
    """One person's due of a month and type. days: 滞纳天数. total_fen = unit_fen + person_fen + late_fee_fen."""

    name: str
    id_number: str
    due_month: int
    insurance: str
    base_fen: int | None
    unit_fen: int
    person_fen: int
    days: int
    late_fee_fen: int
    total_fen: int


class ArrearsDetail(Common):
    """《社会保险费补缴明细表》 of an arrears order: who, which months, which types. The totals must be the sums of the rows."""

    bill_number: str
    unit_number: str
    unit_name: str
    due_date: date
    people: int
    rows: Sequence[ArrearsDetailRow]
    unit_fen: int
    person_fen: int
    late_fee_fen: int
    total_fen: int
    assessed_by: str
    assessed_date: date
    notices: Sequence[str]


class InsuranceStanding(TypedDict):
    """How a person stands in one 险种. status: 参保缴费, 暂停缴费, 未参保 …; months_paid: 实际缴费月数 (已到账)."""

    insurance: str
    status: str
    first_month: int | None
    months_paid: int


class MonthCell(TypedDict):
    """One 险种 in one month: either the amounts, or a word such as 欠费 or 缓缴 (then the amounts are not printed), or neither."""

    base_fen: int | None
    unit_fen: int | None
    person_fen: int | None
    mark: str


class CertificateMonth(TypedDict):
    """One line of the month-by-month table; cells stand in the order of `columns`."""

    paid_month: int
    cells: Sequence[MonthCell]


class InsuranceCertificate(Common):
    """社会保险参保证明 of a person. unit_*: None for a flexible worker. id_number: 社会保障号码.

    columns: short labels of the chosen 险种 (at most six; three stand side by side, the next three follow below).
    valid_text: the sentence on validity, with 示例 in it when it is assumed. purpose: what it is for, or None.
    """

    name: str
    id_number: str
    person_number: str
    unit_name: str | None
    unit_number: str | None
    uscc: str | None
    standings: Sequence[InsuranceStanding]
    first_month: int
    last_month: int
    columns: Sequence[str]
    months: Sequence[CertificateMonth]
    purpose: str | None
    valid_text: str


class RecordedMonth(TypedDict):
    """A paid month of a 个人权益记录单, pension alone. account_fen: what went to the personal account."""

    paid_month: int
    payer: str
    base_fen: int | None
    unit_fen: int | None
    person_fen: int | None
    account_fen: int


class RecordedAccount(TypedDict):
    """The account's year. interest_fen: None while the year is not settled (rate then says why); other_fen: transfers and payouts."""

    opening_fen: int
    credits_fen: int
    other_fen: int
    interest_fen: int | None
    closing_fen: int
    rate: str


class RightsRecord(Common):
    """社会保险个人权益记录单 of a person and year. id_number: 社会保障号码. account: None when there is none.

    start_month: 账户建立年月. actual, deemed, total: spans of time in words, to the end of the year. months_total_fen: the sum of
    account_fen over the months.
    """

    name: str
    id_number: str
    person_number: str
    year: int
    payer: str | None
    standings: Sequence[InsuranceStanding]
    months: Sequence[RecordedMonth]
    months_total_fen: int
    account: RecordedAccount | None
    start_month: int | None
    actual: str
    deemed: str
    total: str
    notices: Sequence[str]


class UnitStanding(TypedDict):
    """How a unit stands in one 险种; people: 参保人数 in the last month of the range."""

    insurance: str
    status: str
    first_month: int | None
    people: int


class UnitMonth(TypedDict):
    """参保人数 by 险种 in one month, in the order of `columns` (None: not insured); state: 已缴清, 欠费 …"""

    paid_month: int
    people: Sequence[int | None]
    state: str


class CertificatePerson(TypedDict):
    """A named member of staff on the unit's certificate. id_number: as it may be shown, usually masked."""

    name: str
    id_number: str
    person_number: str
    first_month: int | None
    insurances: Collection[int]


class UnitCertificate(Common):
    """社会保险参保证明 of a unit; `persons` may be empty."""

    unit_name: str
    unit_number: str
    uscc: str
    standings: Sequence[UnitStanding]
    first_month: int
    last_month: int
    columns: Sequence[str]
    months: Sequence[UnitMonth]
    persons: Sequence[CertificatePerson]
    purpose: str | None
    valid_text: str


class RegisteredFact(TypedDict):
    """A fact of the 登记表; `wide` ones take a line of their own."""

    label: str
    value: str
    wide: bool


class RegisteredChange(TypedDict):
    """One change of a 变更登记; since: 执行时间 in words, such as 2026年12月起."""

    label: str
    before: str
    after: str
    since: str


class RegistrationForm(Common):
    """《社会保险登记表》 of a 参保, 变更 or 注销登记. business: which of them. changes: empty for 参保登记."""

    business: str
    serial: str
    unit_name: str
    facts: Sequence[RegisteredFact]
    changes_title: str
    changes: Sequence[RegisteredChange]
    materials: Sequence[str]
    notices: Sequence[str]
    filled_by: str
    opinion: str | None
    handled_by: str | None
    reviewed_by: str | None
    decided_date: date | None


class VerifiedYear(TypedDict):
    """One line of the record of yearly verifications."""

    year: int
    verified_date: date
    result: str


class RegistrationCertificate(Common):
    """社会保险登记证. insurances, injury_class: in words. replaces: what a 补证 says of the old number, or None."""

    number: str
    unit_name: str
    unit_number: str
    uscc: str
    legal_representative: str
    address: str
    insurances: str
    injury_class: str
    registered_date: date
    issued_date: date
    replaces: str | None
    verifications: Sequence[VerifiedYear]


class VerificationSlip(Common):
    """社会保险登记验证单 of a year: what the unit confirmed."""

    year: int
    serial: str
    unit_name: str
    unit_number: str
    uscc: str
    certificate: str | None
    result: str
    confirmed: Sequence[LabelValue]
    filled_by: str
    reviewed_by: str
    verified_date: date


class BookingTicket(Common):
    """申报业务预约回执; never sealed. number: 预约号, also in the QR; span: 09:00–09:30. facts and advice: lines as they are shown."""

    number: str
    day: str
    span: str
    facts: Sequence[LabelValue]
    advice: Sequence[str]


class PasswordSlip(Common):
    """单位用户密码条. Typeset apart (typeset(..., apart=True)), handed out, never stored: it holds secrets. None: not on this slip."""

    unit_name: str
    unit_number: str
    holder: str
    username: str
    password: str | None
    certificate_serial: str | None
    download_password: str | None


class ChangedValue(TypedDict):
    """One value before and after."""

    label: str
    before: str
    after: str


class FormTable(TypedDict):
    """Any table of texts; every row has as many cells as there are columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class FilingForm(Common):
    """《社会保险业务申报表》 of any 事项 without a paper of its own: `facts` of one filing, or `tables` of many; `changes` may be empty.

    item: what it is about. unit_number: None for a unit to be. reviews: who reviewed, first and second, or 系统自动审核.
    """

    item: str
    unit_number: str | None
    unit_name: str
    serial: str
    filled_by: str
    filled_date: date
    state: str
    facts: Sequence[LabelValue]
    changes: Sequence[ChangedValue]
    tables: Sequence[FormTable]
    materials: Sequence[str]
    opinion: str | None
    handled_by: str | None
    reviewed_by: str | None
    decided_date: date | None
