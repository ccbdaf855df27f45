"""Sample data of every paper: for tests, and to look at. `python -m shebao.papers.samples FOLDER` sets, seals and writes them all.

People and units are invented: identity numbers use the unassigned area 420199, unit numbers begin with 4201999.
"""

import random
import sys
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

from shebao.base.clock import ZONE
from shebao.base.identifiers import make_id_number, make_uscc, mask_id_number
from shebao.base.money import split
from shebao.base.months import shift
from shebao.base.terms import INSURANCES, SHORT_LABELS, Insurance
from shebao.papers import codes
from shebao.papers.contracts import (
    AdditionRoster,
    AdditionRow,
    ArrearsDetail,
    ArrearsDetailRow,
    ArrearsLine,
    AssessmentLine,
    BookingTicket,
    CertificateMonth,
    FilingForm,
    InsuranceCertificate,
    MonthCell,
    PaperKind,
    RecordedMonth,
    ReductionRoster,
    RegistrationCertificate,
    RegistrationForm,
    RightsRecord,
    UnitAssessment,
    UnitCertificate,
    VerificationSlip,
)
from shebao.papers.pades import open_keys, sign
from shebao.papers.typeset import typeset

AT = datetime(2026, 12, 21, 10, 32, tzinfo=ZONE)
AGENCY = "武汉东湖新技术开发区社会保险经办机构（示例）"
UNIT = "武汉光谷长江智能网联汽车电子与新材料联合创新研究开发生产示范股份有限公司第一分公司"
USCC = make_uscc("420199", "MA0000000")
LONG_NAME = "阿卜杜热合曼·买买提伊明·玉苏甫阿吉·图尔迪艾力江"
RARE_NAMES = ("高䶮雪", "㛃文", "刘𬭎", "陈𫘧", "李𠅤", "买买提·阿卜杜拉", LONG_NAME)
_VALID_TEXT = "本证明自打印之日起 90 日内有效（有效期为示例，以经办机构规定为准）。"


def id_number(number: int, birth: date = date(1990, 3, 7)) -> str:
    """An identity number valid in form but never issued."""
    return make_id_number("420199", birth, number % 1000)


def name(number: int) -> str:
    """A name: rare characters first, then made of common syllables."""
    if number < len(RARE_NAMES):
        return RARE_NAMES[number]
    chance = random.Random(number)
    return chance.choice("王李张刘陈杨黄赵周吴徐孙胡朱高") + "".join(
        chance.sample("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞", chance.choice((1, 2, 2)))
    )


def _verified(code: str = "7F3K9QXW2M8TD0V5") -> dict[str, str]:
    url = codes.verify_url("https://hall.example", code)
    return {"code": code, "qr": codes.qr_svg(url), "verify_url": url}


def addition_roster(rows: int = 30, *, draft: bool = False) -> AdditionRoster:
    """《企业参保人员增员表》 with so many people."""
    chance = random.Random(rows)
    people: list[AdditionRow] = []
    for number in range(rows):
        wage_fen = chance.randrange(420_000, 4_800_000, 100)
        people.append(
            {
                "id_number": id_number(number, date(chance.randrange(1977, 2008), chance.randrange(1, 13), chance.randrange(1, 29))),
                "name": name(number),
                "sex": chance.choice("男女"),
                "ethnicity": {5: "维吾尔族", 6: "柯尔克孜族", 9: "外国血统中国籍人士"}.get(number, "汉族"),
                "first_month": 202612 if number % 7 else 202610,
                "wage_fen": wage_fen,
                "base_fen": min(max(wage_fen, 449_400), 2_247_000),
                "insurances": frozenset(INSURANCES if number % 5 else INSURANCES[:3]),
                "note": {0: "追溯补缴", 3: "外省转入续保，原参保地转移手续正在办理，待转移到账后补录以前年限"}.get(number, ""),
            }
        )
    roster: AdditionRoster = {
        "agency": AGENCY,
        "printed_at": AT,
        "draft": draft,
        "unit_number": "4201999876543",
        "unit_name": UNIT,
        "period_month": 202612,
        "serial": "4201992026122100000317",
        "filled_by": "李敏",
        "filled_phone": "027-0000****",
        "opinion": None if draft else "审核通过",
        "handled_by": None if draft else "王芳",
        "reviewed_by": None if draft else "赵强",
        "decided_date": None if draft else AT.date(),
        "rows": people,
        "wage_total_fen": sum(row["wage_fen"] for row in people),
    }
    if draft:
        roster["qr"] = codes.qr_svg("https://hall.example/w/case/317")
    else:
        roster.update(_verified())  # type: ignore[typeddict-item]
    return roster


def reduction_roster(rows: int = 12, *, draft: bool = False) -> ReductionRoster:
    """《企业参保人员减员表》 with so many people."""
    base = addition_roster(rows, draft=draft)
    reasons = ("解除或终止劳动合同", "统筹范围内转出", "参军", "达到待遇领取条件")
    roster: ReductionRoster = {
        **{key: value for key, value in base.items() if key not in ("rows", "wage_total_fen")},  # type: ignore[typeddict-item]
        "rows": [
            {
                "id_number": row["id_number"],
                "name": row["name"],
                "sex": row["sex"],
                "ethnicity": row["ethnicity"],
                "reason": reasons[number % len(reasons)],
                "last_month": 202612,
                "first_unpaid_month": 202701,
                "insurances": row["insurances"],
                "note": "",
            }
            for number, row in enumerate(base["rows"])
        ],
    }
    return roster


def unit_assessment(*, arrears: bool = True) -> UnitAssessment:
    """《单位社会保险费核定表》. Rates here only make the picture lifelike."""
    parts = {
        Insurance.PENSION: ("16% + 8%", 16, 8),
        Insurance.UNEMPLOYMENT: ("0.7% + 0.3%", 1, 1),
        Insurance.INJURY: ("0.48%", 1, 0),
        Insurance.MEDICAL: ("8% + 2%", 8, 2),
        Insurance.LARGE_MEDICAL: (None, 0, 1),
        Insurance.MATERNITY: ("0.7%", 1, 0),
    }
    lines: list[AssessmentLine] = []
    for insurance, (rate, unit_weight, person_weight) in parts.items():
        total_fen = 123_456_789 * (unit_weight + person_weight) // 100
        unit_fen, person_fen = split(total_fen, [unit_weight, person_weight])
        lines.append(
            {
                "insurance": insurance.label,
                "people": 218,
                "base_fen": 123_456_789,
                "rate": rate,
                "unit_fen": unit_fen,
                "person_fen": person_fen,
                "total_fen": total_fen,
            }
        )
    owed: list[ArrearsLine] = [
        {
            "insurance": insurance.label,
            "people": 1,
            "first_month": 202610,
            "last_month": 202611,
            "unit_fen": 143_808,
            "person_fen": 71_904,
            "late_fee_fen": 3_451,
            "total_fen": 219_163,
        }
        for insurance in (INSURANCES[:3] if arrears else ())
    ]
    both = [*lines, *owed]
    data: UnitAssessment = {
        "agency": AGENCY,
        "printed_at": AT,
        "bill_number": "HD420199202612000317",
        "unit_number": "4201999876543",
        "unit_name": UNIT,
        "uscc": USCC,
        "facts": [
            {"label": "单位类型", "value": "企业"},
            {"label": "工伤行业类别", "value": "三类（基准费率 0.7%）"},
            {"label": "主管税务机关", "value": "国家税务总局武汉东湖新技术开发区税务局"},
        ],
        "period_month": 202612,
        "due_date": date(2027, 1, 5),
        "people": 218,
        "lines": lines,
        "arrears": owed,
        "unit_fen": sum(line["unit_fen"] for line in both),
        "person_fen": sum(line["person_fen"] for line in both),
        "late_fee_fen": sum(line["late_fee_fen"] for line in owed),
        "total_fen": sum(line["total_fen"] for line in both),
        "assessed_by": "系统自动核定",
        "reviewed_by": "赵强",
        "assessed_date": AT.date(),
        "notices": [
            "工伤保险浮动费率（injury.rate）取自推定值，状态：未核实（assumed）；以经办机构核定为准。",
            "请于缴费截止日前到税务机关缴费；逾期按日加收滞纳金。",
        ],
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


def order_assessment() -> UnitAssessment:
    """《单位社会保险费核定表》 of an arrears order: no month of its own, the lines of those who pay late."""
    data = unit_assessment()
    owed = data["arrears"]
    data |= {"bill_number": "QF202612-0000321", "lines": [], "people": 1, "facts": data["facts"][:2]}
    for key in ("unit_fen", "person_fen", "late_fee_fen", "total_fen"):
        data[key] = sum(line[key] for line in owed)
    return data


def reduced_assessment() -> UnitAssessment:
    """《单位社会保险费核定表》 of a month part of which went onto an order."""
    data = unit_assessment(arrears=False)
    data["deductions"] = [{"label": "已转欠费补缴单", "amount_fen": 219_163}]
    data["payable_fen"] = data["total_fen"] - 219_163
    return data


def arrears_detail(people: int = 3, months: int = 2) -> ArrearsDetail:
    """《社会保险费补缴明细表》 of so many people and months, five 险种 each."""
    rows: list[ArrearsDetailRow] = []
    for number in range(people):
        for i in range(months):
            for insurance in INSURANCES[:5]:
                unit_fen, person_fen, fee_fen = (0, 700, 2) if insurance is Insurance.LARGE_MEDICAL else (143_808, 71_904, 3_451 - i)
                rows.append(
                    {
                        "name": name(number),
                        "id_number": id_number(number),
                        "due_month": shift(202610, i),
                        "insurance": insurance.label,
                        "base_fen": None if insurance is Insurance.LARGE_MEDICAL else 898_800,
                        "unit_fen": unit_fen,
                        "person_fen": person_fen,
                        "days": 32 - i,
                        "late_fee_fen": fee_fen,
                        "total_fen": unit_fen + person_fen + fee_fen,
                    }
                )
    data: ArrearsDetail = {
        "agency": AGENCY,
        "printed_at": AT,
        "bill_number": "QF202612-0000321",
        "unit_number": "4201999876543",
        "unit_name": UNIT,
        "due_date": date(2027, 1, 5),
        "people": people,
        "rows": rows,
        "unit_fen": sum(row["unit_fen"] for row in rows),
        "person_fen": sum(row["person_fen"] for row in rows),
        "late_fee_fen": sum(row["late_fee_fen"] for row in rows),
        "total_fen": sum(row["total_fen"] for row in rows),
        "assessed_by": "系统自动核定",
        "assessed_date": AT.date(),
        "notices": ["请携带本表和《单位社会保险费核定表》到税务机关缴费；开具税票前如需取消，请办理“欠费补缴回退”。"],
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


def insurance_certificate(columns: int = 6, months: int = 12) -> InsuranceCertificate:
    """社会保险参保证明 of a person, for so many 险种 and months."""
    chosen = INSURANCES[:columns]

    def cell(i: int, insurance: Insurance) -> MonthCell:
        if i == 4 and insurance is not Insurance.INJURY:
            return {"base_fen": None, "unit_fen": None, "person_fen": None, "mark": "欠费"}
        person_fen = {Insurance.PENSION: 120_008, Insurance.UNEMPLOYMENT: 4_500, Insurance.MEDICAL: 30_002, Insurance.LARGE_MEDICAL: 700}
        unit_fen = None if insurance is Insurance.LARGE_MEDICAL else 240_016
        return {"base_fen": 1_500_100, "unit_fen": unit_fen, "person_fen": person_fen.get(insurance), "mark": ""}

    first_month = shift(202612, 1 - months)
    lines: list[CertificateMonth] = [
        {"paid_month": shift(first_month, i), "cells": [cell(i, insurance) for insurance in chosen]} for i in range(months)
    ]
    data: InsuranceCertificate = {
        "agency": AGENCY,
        "printed_at": AT,
        "name": LONG_NAME,
        "id_number": id_number(11),
        "person_number": "4201990000123456",
        "unit_name": UNIT,
        "unit_number": "4201999876543",
        "uscc": USCC,
        "standings": [
            {"insurance": insurance.label, "status": "参保缴费", "first_month": 201207, "months_paid": 171 - i}
            for i, insurance in enumerate(chosen)
        ],
        "first_month": first_month,
        "last_month": 202612,
        "columns": [SHORT_LABELS[insurance] for insurance in chosen],
        "months": lines,
        "purpose": None,
        "valid_text": _VALID_TEXT,
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


def rights_record(months: int = 12, *, settled: bool = True, moved: bool = False) -> RightsRecord:
    """社会保险个人权益记录单 of a year with so many paid months."""
    rows: list[RecordedMonth] = [
        {
            "paid_month": 202500 + n,
            "payer": UNIT if n < 9 else "灵活就业人员（个人缴费）",
            "base_fen": 800_000,
            "unit_fen": 128_000,
            "person_fen": 64_000,
            "account_fen": 64_000,
        }
        for n in range(1, months + 1)
    ]
    credits_fen, other_fen, interest_fen = 64_000 * months, -100_000 if moved else 0, 159_212 if settled else None
    data: RightsRecord = {
        "agency": AGENCY,
        "printed_at": AT,
        "name": LONG_NAME,
        "id_number": id_number(11),
        "person_number": "4201990000123456",
        "year": 2025,
        "payer": UNIT,
        "standings": [
            {"insurance": insurance.label, "status": "参保缴费", "first_month": 201207, "months_paid": months}
            for insurance in INSURANCES[:5]
        ],
        "months": rows,
        "months_total_fen": credits_fen,
        "account": {
            "opening_fen": 10_233_444,
            "credits_fen": credits_fen,
            "other_fen": other_fen,
            "interest_fen": interest_fen,
            "closing_fen": 10_233_444 + credits_fen + other_fen + (interest_fen or 0),
            "rate": "1.5%（第三方资料，投产前须核对）" if settled else "尚未公布",
        },
        "start_month": 199601,
        "actual": "29 年 3 个月",
        "deemed": "2 年 1 个月",
        "total": "31 年 4 个月",
        "notices": [],
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


def unit_certificate(persons: int = 16) -> UnitCertificate:
    """社会保险参保证明 of a unit with so many named people."""
    data: UnitCertificate = {
        "agency": AGENCY,
        "printed_at": AT,
        "unit_name": UNIT,
        "unit_number": "4201999876543",
        "uscc": USCC,
        "standings": [
            {"insurance": insurance.label, "status": "正常参保", "first_month": 200803, "people": 218} for insurance in INSURANCES
        ],
        "first_month": 202607,
        "last_month": 202612,
        "columns": [SHORT_LABELS[insurance] for insurance in INSURANCES],
        "months": [
            {"paid_month": shift(202607, i), "people": [218 - i] * 5 + [None], "state": "已缴清" if i < 5 else "未到缴费截止日"}
            for i in range(6)
        ],
        "persons": [
            {
                "name": name(number),
                "id_number": mask_id_number(id_number(number)),
                "person_number": f"420199{number:010d}",
                "first_month": 201207,
                "insurances": frozenset(INSURANCES),
            }
            for number in range(persons)
        ],
        "purpose": "招标投标",
        "valid_text": _VALID_TEXT,
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


ADDRESS = "武汉市东湖新技术开发区光谷示例一路 199 号示例产业园第三研发生产综合楼"


def registration_form(*, changes: bool = False, draft: bool = False) -> RegistrationForm:
    """《社会保险登记表》 of a 参保登记, or of a 变更登记."""
    facts = (
        ("单位名称", UNIT, True),
        ("单位编号", "4201999876543", False),
        ("登记证编号", "DJ42019900000317", False),
        ("统一社会信用代码", USCC, False),
        ("成立日期", "2026-11-23", False),
        ("单位类型", "企业", False),
        ("经济类型", "有限责任公司", False),
        ("行业", "计算机、通信和其他电子设备制造业", False),
        ("工伤行业风险类别", "3 类（基准费率 0.7%）", False),
        ("法定代表人", LONG_NAME, False),
        ("法定代表人证件号码", mask_id_number(id_number(11)), False),
        ("联系人", "李敏", False),
        ("联系电话", "027-0000****", False),
        ("单位地址", ADDRESS, True),
        ("参保险种", "、".join(SHORT_LABELS[i] for i in INSURANCES[:5]), False),
        ("参保起始月", "2026年12月", False),
    )
    data: RegistrationForm = {
        "agency": AGENCY,
        "printed_at": AT,
        "draft": draft,
        "business": "变更登记" if changes else "参保登记",
        "serial": "DJ20261221-000317",
        "unit_name": UNIT,
        "facts": [{"label": label, "value": value, "wide": wide} for label, value, wide in facts],
        "changes_title": "变更事项",
        "changes": [
            {"label": "单位名称", "before": "武汉光谷长江新材料有限公司", "after": UNIT, "since": "2026年12月21日起"},
            {"label": "行业", "before": "软件和信息技术服务业", "after": "计算机、通信和其他电子设备制造业", "since": "2026年12月21日起"},
            {"label": "工伤行业风险类别", "before": "1 类", "after": "3 类", "since": "2027年1月起"},
        ]
        if changes
        else [],
        "materials": ["营业执照原件及复印件", "法定代表人居民身份证复印件", "单位经办人员居民身份证原件及复印件"],
        "notices": ["“工伤保险行业风险分类”：文件原文未见，投产前须核对。"],
        "filled_by": "李敏",
        "opinion": None if draft else "同意登记",
        "handled_by": None if draft else "王芳",
        "reviewed_by": None if draft else "赵强",
        "decided_date": None if draft else AT.date(),
    }
    if not draft:
        data.update(_verified())  # type: ignore[typeddict-item]
    return data


def registration_certificate(*, reissued: bool = True) -> RegistrationCertificate:
    """社会保险登记证, reissued, with two verified years."""
    data: RegistrationCertificate = {
        "agency": AGENCY,
        "printed_at": AT,
        "number": "DJ42019900000318",
        "unit_name": UNIT,
        "unit_number": "4201999876543",
        "uscc": USCC,
        "legal_representative": LONG_NAME,
        "address": ADDRESS,
        "insurances": "、".join(SHORT_LABELS[i] for i in INSURANCES[:5]),
        "injury_class": "3 类",
        "registered_date": date(2024, 3, 1),
        "issued_date": AT.date(),
        "replaces": "补发，原证号 DJ42019900000317 自 2026-12-21 起作废（遗失）" if reissued else None,
        "verifications": [
            {"year": 2026, "verified_date": date(2026, 6, 30), "result": "验证合格"},
            {"year": 2025, "verified_date": date(2026, 1, 15), "result": "逾期验证"},
        ]
        if reissued
        else [],
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


def verification_slip() -> VerificationSlip:
    """社会保险登记验证单."""
    data: VerificationSlip = {
        "agency": AGENCY,
        "printed_at": AT,
        "year": 2026,
        "serial": "DY20261221-000031",
        "unit_name": UNIT,
        "unit_number": "4201999876543",
        "uscc": USCC,
        "certificate": "DJ42019900000318",
        "result": "验证合格",
        "confirmed": [
            {"label": "法定代表人", "value": LONG_NAME},
            {"label": "单位地址", "value": ADDRESS},
            {"label": "行业", "value": "计算机、通信和其他电子设备制造业"},
            {"label": "参保人数", "value": "218 人（2026年12月）"},
            {"label": "欠费", "value": "无"},
        ],
        "filled_by": "李敏",
        "reviewed_by": "系统自动审核",
        "verified_date": AT.date(),
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


def filing_form() -> FilingForm:
    """个人一般信息变更, passed."""
    data: FilingForm = {
        "agency": AGENCY,
        "printed_at": AT,
        "item": "个人一般信息变更",
        "unit_number": "4201999000001",
        "unit_name": UNIT,
        "serial": "GX20261221-000018",
        "filled_by": name(31),
        "filled_date": AT.date(),
        "state": "审核通过",
        "facts": [
            {"label": "公民身份号码", "value": id_number(7)},
            {"label": "姓名", "value": name(7)},
            {"label": "居住地地址", "value": "示例市江岸区示例路 8 号示例小区 3 栋 2 单元 1101 室"},
        ],
        "changes": [{"label": "居住地地址", "before": "", "after": "示例市江岸区示例路 8 号示例小区 3 栋 2 单元 1101 室"}],
        "tables": [],
        "materials": ["经职工本人签字确认的信息变更相关的证明及说明材料"],
        "opinion": "审核通过",
        "handled_by": "系统自动审核",
        "reviewed_by": None,
        "decided_date": AT.date(),
    }
    data.update(_verified())  # type: ignore[typeddict-item]
    return data


def booking_ticket() -> BookingTicket:
    """A place in the line, with the longest name of a unit."""
    return {
        "agency": AGENCY,
        "printed_at": AT,
        "qr": codes.qr_svg("http://localhost:8000/w/bookings?code=261223000007"),
        "number": "261223000007",
        "day": "2026 年 12 月 23 日（周三）",
        "span": "09:30–10:00",
        "facts": [
            {"label": "预约单位", "value": UNIT},
            {"label": "办理业务", "value": "增员（续保）"},
            {"label": "办事大厅", "value": "示例区社保办事大厅"},
        ],
        "advice": ["请提前 10 分钟到场，在取号处扫描二维码，或报出预约号。", "带齐办事指南所列的材料。"],
    }


SAMPLES: dict[str, tuple[PaperKind, Mapping[str, object]]] = {
    "addition_roster": (PaperKind.ADDITION_ROSTER, addition_roster()),
    "addition_roster_long": (PaperKind.ADDITION_ROSTER, addition_roster(68)),
    "addition_roster_draft": (PaperKind.ADDITION_ROSTER, addition_roster(9, draft=True)),
    "reduction_roster": (PaperKind.REDUCTION_ROSTER, reduction_roster()),
    "unit_assessment": (PaperKind.UNIT_ASSESSMENT, unit_assessment()),
    "unit_assessment_order": (PaperKind.UNIT_ASSESSMENT, order_assessment()),
    "unit_assessment_reduced": (PaperKind.UNIT_ASSESSMENT, reduced_assessment()),
    "arrears_detail": (PaperKind.ARREARS_DETAIL, arrears_detail()),
    "arrears_detail_long": (PaperKind.ARREARS_DETAIL, arrears_detail(9, 3)),
    "insurance_certificate": (PaperKind.INSURANCE_CERTIFICATE, insurance_certificate()),
    "insurance_certificate_three": (PaperKind.INSURANCE_CERTIFICATE, insurance_certificate(3, 36)),
    "rights_record": (PaperKind.RIGHTS_RECORD, rights_record()),
    "rights_record_open": (PaperKind.RIGHTS_RECORD, rights_record(3, settled=False, moved=True)),
    "rights_record_empty": (PaperKind.RIGHTS_RECORD, rights_record(0)),
    "unit_certificate": (PaperKind.UNIT_CERTIFICATE, unit_certificate()),
    "registration_form": (PaperKind.REGISTRATION_FORM, registration_form()),
    "registration_form_changes": (PaperKind.REGISTRATION_FORM, registration_form(changes=True)),
    "registration_form_draft": (PaperKind.REGISTRATION_FORM, registration_form(draft=True)),
    "registration_certificate": (PaperKind.REGISTRATION_CERTIFICATE, registration_certificate()),
    "registration_certificate_new": (PaperKind.REGISTRATION_CERTIFICATE, registration_certificate(reissued=False)),
    "verification_slip": (PaperKind.VERIFICATION_SLIP, verification_slip()),
    "booking_ticket": (PaperKind.BOOKING_TICKET, booking_ticket()),
    "filing_form": (PaperKind.FILING_FORM, filing_form()),
}


def main(folder: Path) -> None:
    """Write every sample as a sealed PDF into the folder, with the keys of a fresh sample CA below it."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = open_keys(folder / "keys", at=AT)
    for file_name, (kind, data) in SAMPLES.items():
        paper = typeset(kind.value, data)
        pdf = sign(paper.pdf, paper.seal_at, reason=kind.label, at=AT, keys=keys) if paper.seal_at else paper.pdf
        (folder / f"{file_name}.pdf").write_bytes(pdf)
        print(f"{file_name}.pdf: {paper.pages} pages, {len(pdf):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
