"""单位员工学历批量维护: the education of many employees by workbook. Added by the recipe of CONTRIBUTING.md: this file, its line in the
catalogue, and tests/journeys/test_education_batch.py."""

from shebao.base.codes import EDUCATION
from shebao.casework import fields
from shebao.casework.item import Audience, Guide, ServiceItem
from shebao.items.enrolment.situation import always_automatic
from shebao.items.register import change_person as one

ITEM = ServiceItem(
    code="register.maintain_education",
    version=1,
    title="单位员工学历批量维护",
    prefix="XL",
    audience=frozenset({Audience.UNIT}),
    group="单位业务办理",
    icon="journal-text",
    fields=(
        fields.id_number("id_number"),
        fields.name("name", "姓名"),
        fields.choice("education", "文化程度", EDUCATION.choices),
    ),
    facts=one.facts,
    checks=(one.insured_here, one.right_name, one.really_changes),
    warns=(),
    review=always_automatic,
    perform=one.perform,
    effect=None,
    look_up=one.look_up,
    compare=one.compare,
    materials=("学历证书复印件", "经职工本人签字确认的信息变更相关的证明及说明材料"),
    guide=Guide(
        summary="成批登记或更新职工的文化程度。",
        who="已取得社会保险网上办事资格的参保单位，为在本单位参保的职工办理。",
        when="全月办理；系统自动审核，通过后立即生效。",
        law=("《武汉市社会保险网上办事业务指南（单位篇）》第七条",),
        after=f"资料请妥善留存并归档备查。{one.KEY}。",
        words=("批量学历", "学历登记", "文化程度批量", "毕业证"),
    ),
    batch_rows_max=20_000,
    printout="",
    refusal_codes={
        "INF-10": "不在本单位参保或已暂停缴费",
        "INF-11": "姓名与参保登记的不一致；重点信息到窗口变更",
        "INF-12": "没有任何变更",
    },
    return_reasons=("学历证书与申报内容不一致，请核对",),
)
