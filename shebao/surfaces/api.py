"""The API surface of items: JSON schemas and the OpenAPI document, generated from the same declarations as form and template."""

from collections.abc import Mapping, Sequence
from typing import Any

from shebao.base.errors import Refusal, ShebaoError
from shebao.base.money import yuan
from shebao.casework.fields import Field, Kind
from shebao.casework.item import Amount, Audience, MoneyEffect, ServiceItem, items_for

FILINGS_MAX = 2_000  # a request; larger rosters come as a workbook
VERSION = "1.0"


class BadBodyError(ShebaoError):
    """The JSON is not what the schema says. Nothing was read of it."""

    code = "API-01"
    status = 400


def field_schema(f: Field) -> dict[str, Any]:
    """JSON schema of one field."""
    schema: dict[str, Any] = {"title": f.label, "description": f.hint or f.label}
    match f.kind:
        case Kind.MONEY:
            schema |= {"type": "string", "pattern": "^[0-9]{1,8}(\\.[0-9]{1,2})?$", "examples": ["8000.00"]}
        case Kind.MONTH:
            schema |= {"type": "string", "pattern": "^[0-9]{6}$", "examples": ["202611"]}
        case Kind.DATE:
            schema |= {"type": "string", "format": "date"}
        case Kind.ID_NUMBER:
            schema |= {"type": "string", "pattern": "^[0-9]{17}[0-9X]$"}
        case Kind.PHOTO:
            schema |= {"type": "string", "format": "uuid", "description": f"{f.label}：先用 POST /attachments 上传，填写返回的 id"}
        case Kind.MOBILE:
            schema |= {"type": "string", "pattern": "^1[3-9][0-9]{9}$"}
        case Kind.CHOICE:
            schema |= {"type": "string", "enum": [value for value, _ in f.choices], "description": _codes(f)}
        case Kind.MANY:
            options = {"type": "string", "enum": [value for value, _ in f.choices]}
            schema |= {"type": "array", "items": options, "uniqueItems": True, "description": _codes(f)}
        case Kind.CONSENT:
            schema |= {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$", "description": f"所接受的《{f.label}》的版本号"}
        case Kind.NUMBER:
            schema |= {"type": "string", "pattern": "^[0-9]{1,12}$", "description": f"整数，{f.least} 到 {f.most}"}
        case Kind.WORD:
            schema |= {"type": "string", "const": f.word}
        case _:
            schema |= {"type": "string", "maxLength": f.most or 200}
    return schema


def _codes(f: Field) -> str:
    return f"{f.label}：" + "，".join(f"{value} {label}" for value, label in f.choices)


def filing_schema(item: ServiceItem) -> dict[str, Any]:
    """JSON schema of one filing of an item. Unknown fields are refused."""
    return {
        "type": "object",
        "title": item.title,
        "additionalProperties": False,
        "required": [f.name for f in item.fields if f.required],
        "properties": {f.name: field_schema(f) for f in item.fields},
    }


def typed_filing(item: ServiceItem, given: Any) -> dict[str, str | list[str]]:
    """One filing of a request as it would be typed into the form. Raises: BadBodyError for unknown fields or wrong types."""
    if not isinstance(given, Mapping):
        raise BadBodyError("filings 中的每一项应为 JSON 对象")
    known = {f.name: f for f in item.fields}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise BadBodyError(f"没有 {unknown[0][:40]} 这个字段；可用字段：{'、'.join(known)}")
    return {name: _typed(known[name], value) for name, value in given.items() if value is not None}


def _typed(f: Field, value: Any) -> str | list[str]:
    if f.kind is Kind.MANY:
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise BadBodyError(f"{f.name} 应为字符串数组")
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise BadBodyError(f'{f.name} 应为字符串；金额请写成 "8000.00"，不要用浮点数')
    return str(value)


def refusal_json(refusal: Refusal, row: int | None = None) -> dict[str, Any]:
    """One refusal, with the position of its filing (1…n) where there are several."""
    told: dict[str, Any] = {"code": refusal.code, "text": refusal.text, "field": refusal.field, "suggestion": refusal.suggestion}
    return told if row is None else {"filing": row, **told}


def effect_json(effect: MoneyEffect) -> dict[str, Any]:
    """The effect on money, amounts in yuan as strings."""
    return {
        "title": effect.title,
        "unit_total": yuan(effect.unit_fen),
        "person_total": yuan(effect.person_fen),
        "amounts": [_amount(a) for a in effect.amounts],
        "tables": [
            {"title": t.title, "columns": list(t.columns), "rows": [list(row) for row in t.rows], "note": t.note} for t in effect.tables
        ],
        "sentences": list(effect.sentences),
        "explain": next((a.explained for a in effect.amounts if a.explained), None),
    }


def _amount(a: Amount) -> dict[str, str]:
    return {"label": a.label, "base": yuan(a.base_fen), "unit": yuan(a.unit_fen), "person": yuan(a.person_fen)}


AS_OF = ("as_of", "登记库截至这一天的记载，例如 2026-10-31；不填为今天")
PROBLEM = {"$ref": "#/components/responses/Problem"}


_OWN: dict[str, Any] = {
    "agency_id": {"type": "integer", "description": "参保的经办机构"},
    "tier": {"type": "integer", "description": "缴费档次，平均工资的百分比，如 60"},
    "from_month": {"type": "integer", "description": "所属期起，如 202601"},
    "to_month": {"type": "integer", "description": "所属期止"},
    "registered_at": {"type": "string", "description": "登记所在地，如 武汉市；可不填"},
}
_OWN_NEEDED = ["agency_id", "tier", "from_month", "to_month"]


def openapi(base_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the whole API."""
    paths: dict[str, Any] = {
        "/sign-in": {
            "post": _operation(
                "登录，取得令牌",
                "access",
                body=_object({"username": {"type": "string"}, "password": {"type": "string"}}),
                answer=_object({"token": {"type": "string"}}),
                open_to_all=True,
            )
        }
    }
    for item in items_for(Audience.UNIT):
        paths |= _item_paths(item)
    paths |= _query_paths()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "社会保险网上办事大厅开放接口",
            "version": VERSION,
            "description": "与网页、Excel 同一套事项、同一套校验。金额一律为以元为单位的字符串，两位小数。",
        },
        "servers": [{"url": f"{base_url}/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {item.slug: filing_schema(item) for item in items_for(Audience.UNIT)},
            "responses": {
                "Problem": {
                    "description": "没有办成：code 与 title 说明原因和办法（RFC 9457）",
                    "content": {"application/problem+json": {"schema": _object({"title": {"type": "string"}, "code": {"type": "string"}})}},
                }
            },
        },
    }


def _item_paths(item: ServiceItem) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{item.slug}"}
    return {
        f"/items/{item.slug}/check": {
            "post": _operation(
                f"{item.title}：只校验，不保存", item.title, body=_object({"filing": one}, ["filing"]), answer={"type": "object"}
            )
        },
        f"/items/{item.slug}/filings": {
            "post": _operation(
                f"{item.title}：保存并提交审批",
                item.title,
                body=_object(
                    {
                        "submission_key": {"type": "string", "format": "uuid", "description": "由调用方生成；同一编号重发只生效一次"},
                        "filings": {"type": "array", "items": one, "minItems": 1, "maxItems": FILINGS_MAX},
                    },
                    ["submission_key", "filings"],
                ),
                answer={"type": "object"},
                status="201",
            )
        },
    }


def _query_paths() -> dict[str, Any]:
    return {
        "/cases": {"get": _operation("办件列表", "办件", query=(("state", "状态"), ("before", "从此编号之前")))},
        "/cases/{number}": {"get": _operation("一个办件", "办件", path=("number",))},
        "/cases/{number}/withdraw": {
            "post": _operation("退单", "办件", path=("number",), body=_object({"version": {"type": "integer"}}, ["version"]))
        },
        "/me/account": {
            "get": _operation("本人的个人账户；用个人账号调用", "个人", query=(("year", "年度：附当年明细和利息怎么算的"),)),
        },
        "/unit": {"get": _operation("单位登记信息、参保险种和变更记录", "查询", query=(AS_OF,))},
        "/staff": {
            "get": _operation(
                "花名册，每次 100 人",
                "查询",
                query=(
                    ("month", "年月"),
                    ("after", "上一页的 next_after"),
                    ("q", "姓名的一部分，或身份号码、个人编号的开头"),
                    ("insurance", "险种代码，如 110"),
                    ("cover", "running 参保缴费，stopped 已停保"),
                    AS_OF,
                ),
            )
        },
        "/staff/{number}": {
            "get": _operation("一名职工的登记信息、参保时间、申报工资和变更记录", "查询", path=("number",), query=(AS_OF,))
        },
        "/attachments": {
            "post": _operation(
                "上传相片或资料，取得 id",
                "办件",
                multipart={
                    "file": {"type": "string", "format": "binary", "description": "相片：JPG、PNG；资料：PDF、JPG、PNG"},
                    "item": {"type": "string", "description": "相片：事项，如 add-employee"},
                    "field": {"type": "string", "description": "相片：字段，如 photo"},
                    "case": {"type": "string", "description": "资料：未提交或退回的办件的业务顺序号"},
                    "material": {"type": "string", "description": "资料：事项所列资料的名称"},
                },
                answer=_object({"id": {"type": "string", "format": "uuid"}, "sha256": {"type": "string"}, "size": {"type": "integer"}}),
                status="201",
            )
        },
        "/items": {"get": _operation("事项目录；q 按名称、俗称或拼音首字母查找", "办事指南", query=(("q", "关键词"),), open_to_all=True)},
        "/items/{slug}": {"get": _operation("一个事项的办事指南", "办事指南", path=("slug",), open_to_all=True)},
        "/offices": {"get": _operation("可预约的办事大厅和现在排队人数", "预约")},
        "/offices/{office_id}/slots": {
            "get": _operation("大厅的号源", "预约", path=("office_id",), query=(("from", "起始日期"), ("days", "天数，最多 31")))
        },
        "/bookings": {
            "get": _operation("本单位的预约", "预约"),
            "post": _operation(
                "预约一个时段",
                "预约",
                body=_object(
                    {
                        "slot": {"type": "integer", "description": "号源的 id"},
                        "item": {"type": "string", "description": "大厅受理业务的 code"},
                        "case_number": {"type": "string", "maxLength": 24, "description": "有关的业务顺序号，可不填"},
                    },
                    ["slot", "item"],
                ),
                status="201",
            ),
        },
        "/bookings/{number}/cancel": {"post": _operation("取消预约", "预约", path=("number",), body=_object({}))},
        "/messages": {"get": _operation("给本单位的消息", "消息")},
        "/me/debit": {
            "get": _operation("本人的批扣协议、下次批扣和历次批扣（个人账号）", "个人"),
            "put": _operation(
                "签订批扣协议，或换银行、换账号；同样的请求重发不会再变（个人账号）",
                "个人",
                body=_object(
                    {
                        "bank": {"type": "string", "description": "协作银行的行别，403 或 103"},
                        "account": {"type": "string", "pattern": "^[0-9]{8,20}$"},
                        "scheme": {
                            "type": "string",
                            "enum": ["city", "province"],
                            "description": "武汉市（20 日）或省本级（15 日），默认武汉市",
                        },
                    },
                    ["bank", "account"],
                ),
            ),
            "delete": _operation("解除批扣协议（个人账号）", "个人"),
        },
        "/me/assess": {
            "post": _operation("灵活就业核定信息：每月应缴和计算过程，不生成应缴（个人账号）", "个人", body=_object(_OWN, _OWN_NEEDED))
        },
        "/me/bills": {
            "get": _operation("本人的核定单（个人账号）", "个人"),
            "post": _operation(
                "核定并生成核定单；同一 submission_key 重发得到同一张单（个人账号）",
                "个人",
                body=_object(
                    {**_OWN, "submission_key": {"type": "string", "format": "uuid"}},
                    [*_OWN_NEEDED, "submission_key"],
                ),
                answer={"type": "object"},
                status="201",
            ),
        },
        "/me/bills/{number}": {"get": _operation("按核定流水号提取本人的核定单（个人账号）", "个人", path=("number",))},
        "/certificates": {
            "post": _operation(
                "批量出具参保证明",
                "参保证明",
                body=_object(
                    {
                        "submission_key": {"type": "string", "format": "uuid"},
                        "people": {
                            "description": '"all" 为全部在职参保人员，或公民身份号码的数组',
                            "oneOf": [{"type": "string", "const": "all"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
                        },
                        "first_month": {"type": "string", "pattern": "^[0-9]{6}$"},
                        "last_month": {"type": "string", "pattern": "^[0-9]{6}$"},
                        "purpose": {"type": "string", "maxLength": 30},
                    },
                    ["submission_key", "people", "first_month", "last_month"],
                ),
                answer={"type": "object"},
                status="201",
            )
        },
        "/certificates/{id}": {"get": _operation("批量出具的进度", "参保证明", path=("id",))},
        "/certificates/{id}.zip": {"get": _operation("下载压缩包（完成后限时）", "参保证明", path=("id",))},
        "/bills": {"get": _operation("核定单列表", "查询")},
        "/bills/{number}": {"get": _operation("一张核定单", "查询", path=("number",))},
        "/bills/{number}/people/{person}": {"get": _operation("一个人的应缴和计算过程", "查询", path=("number", "person"))},
    }


def _operation(
    summary: str,
    tag: str,
    *,
    body: dict[str, Any] | None = None,
    answer: dict[str, Any] | None = None,
    status: str = "200",
    path: Sequence[str] = (),
    query: Sequence[tuple[str, str]] = (),
    multipart: dict[str, Any] | None = None,
    open_to_all: bool = False,
) -> dict[str, Any]:
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in path]
    parameters += [{"name": name, "in": "query", "description": told, "schema": {"type": "string"}} for name, told in query]
    operation: dict[str, Any] = {
        "summary": summary,
        "tags": [tag],
        "responses": {
            status: {"description": "办成", "content": {"application/json": {"schema": answer or {"type": "object"}}}},
            **dict.fromkeys(("400", "401", "403", "404", "409", "415", "422"), PROBLEM),
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if multipart:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _object(multipart, ["file"])}}}
    if open_to_all:
        operation["security"] = []
    return operation


def _object(properties: dict[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required or properties)}
