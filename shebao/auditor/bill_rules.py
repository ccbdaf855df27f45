"""Bills and what they are made of: lines, people, dues taken out of them."""

from shebao.auditor.model import Rule

# Codes of the types and the columns that hold what is owed of them.
_TYPES = """(110, a.pension), (210, a.unemployment), (310, a.medical), (330, a.large_medical), (410, a.injury)"""
_PLACE = "join parties_agency g on g.id = b.agency_id"

BILLS = (
    Rule(
        "bill_of_its_lines",
        "每张单据的应缴、已缴、转出、注销等于各行之和",
        f"""
        select g.place, b.number || ' ' || v.what, v.lines, v.bill from levy_bill b {_PLACE}
        join lateral (select coalesce(sum(l.unit_fen) filter (where l.origin <> 'late_fee'), 0)::bigint as unit,
                             coalesce(sum(l.person_fen), 0)::bigint as person,
                             coalesce(sum(l.unit_fen) filter (where l.origin = 'late_fee'), 0)::bigint as fee,
                             coalesce(sum(l.paid_fen), 0)::bigint as paid, coalesce(sum(l.moved_fen), 0)::bigint as moved,
                             coalesce(sum(l.written_off_fen), 0)::bigint as off from levy_billline l where l.bill_id = b.id) t on true
        cross join lateral (values ('应缴', t.unit + t.person + t.fee, b.unit_fen + b.person_fen + b.late_fee_fen),
                                   ('已缴', t.paid, b.paid_fen), ('转出', t.moved, b.moved_fen), ('注销', t.off, b.written_off_fen))
             v (what, lines, bill)
        where v.lines <> v.bill order by b.id
        """,
        "select count(*) from levy_bill",
        ("levy_bill", "levy_billline"),
    ),
    Rule(
        "paid_within_due",
        "每行已缴不超过应缴，没有负数",
        f"""
        select g.place, b.number || ' ' || l.insurance || ' ' || l.origin, l.unit_fen + l.person_fen,
               l.paid_fen + l.moved_fen + l.written_off_fen from levy_billline l join levy_bill b on b.id = l.bill_id {_PLACE}
        where l.paid_fen + l.moved_fen + l.written_off_fen > l.unit_fen + l.person_fen
          or least(l.paid_fen, l.moved_fen, l.written_off_fen, l.unit_fen, l.person_fen) < 0 order by l.id
        """,
        "select count(*) from levy_billline",
        ("levy_bill", "levy_billline"),
    ),
    Rule(
        "unit_bill_of_its_people",
        "单位核定单每个险种的正常应缴 = 人员应缴之和（未申报、按上月核定的险种除外）",
        f"""
        with people as (
          select a.unit_id, v.insurance, v.fen from (
            select unit_id, sum(pension_unit_fen + pension_person_fen)::bigint as pension,
                   sum(unemployment_unit_fen + unemployment_person_fen)::bigint as unemployment,
                   sum(medical_unit_fen + medical_person_fen)::bigint as medical,
                   sum(large_medical_person_fen)::bigint as large_medical, sum(injury_unit_fen)::bigint as injury
            from levy_assessment where month = %(each)s group by 1) a
          cross join lateral (values {_TYPES}) v (insurance, fen)),
        lines as (
          select b.unit_id, l.insurance, sum(l.unit_fen + l.person_fen) filter (where l.origin = 'normal')::bigint as fen,
                 bool_or(l.origin = 'estimate') as estimated
          from levy_bill b join levy_billline l on l.bill_id = b.id where b.kind = 'monthly' and b.month = %(each)s group by 1, 2)
        select g.place, %(each)s || ' 单位 ' || u.number || ' ' || insurance, coalesce(p.fen, 0), coalesce(l.fen, 0)
        from people p full join lines l using (unit_id, insurance) join parties_unit u on u.id = unit_id
        join parties_agency g on g.id = u.agency_id
        where coalesce(p.fen, 0) <> coalesce(l.fen, 0) and not coalesce(l.estimated, false) order by u.id, insurance
        """,
        "select count(*) from levy_bill where kind = 'monthly'",
        ("levy_bill", "levy_billline", "levy_assessment"),
        each="select distinct month from levy_bill where kind = 'monthly' order by 1",
    ),
    Rule(
        "other_lines_of_their_people",
        "核定单上补缴、补差各行 = 对应的人员明细之和",
        f"""
        select g.place, b.number || ' ' || insurance || ' ' || origin, coalesce(p.fen, 0), coalesce(l.fen, 0)
        from (select bill_id, insurance, origin, sum(unit_fen + person_fen)::bigint as fen from levy_line where bill_id is not null
              group by 1, 2, 3) p
        full join (select l.bill_id, l.insurance, l.origin, sum(l.unit_fen + l.person_fen)::bigint as fen from levy_billline l
                   join levy_bill b on b.id = l.bill_id where b.kind = 'monthly' and l.origin not in ('normal', 'estimate')
                   group by 1, 2, 3) l using (bill_id, insurance, origin)
        join levy_bill b on b.id = bill_id {_PLACE}
        where b.kind = 'monthly' and coalesce(p.fen, 0) <> coalesce(l.fen, 0) order by b.id, insurance
        """,
        "select count(*) from levy_line where bill_id is not null",
        ("levy_line", "levy_billline"),
    ),
    Rule(
        "reason_of_every_difference",
        "每笔补缴、补差、待退差额都有原因，各原因的差额之和 = 应补、待退的金额",
        """
        with changed as (
          select line_id, refund_due_id, due_unit_fen - unit_fen as unit, due_person_fen - person_fen as person from levy_duechange
          union all
          select line_id, refund_due_id, due_unit_fen - unit_fen, due_person_fen - person_fen from levy_recalculationline),
        owed as (
          select 'line' as what, l.id, l.agency_id, l.month, l.unit_fen + l.person_fen as fen from levy_line l
          where l.origin in ('back', 'diff')
          union all select 'refund', r.id, r.agency_id, r.month, r.unit_fen + r.person_fen from levy_refunddue r),
        told as (
          select 'line' as what, line_id as id, sum(greatest(unit, 0) + greatest(person, 0))::bigint as fen from changed
          where line_id is not null group by 2
          union all select 'refund', refund_due_id, sum(greatest(-unit, 0) + greatest(-person, 0))::bigint from changed
          where refund_due_id is not null group by 2)
        select g.place, o.month || ' ' || o.what || ' ' || o.id, coalesce(t.fen, 0), o.fen
        from owed o join parties_agency g on g.id = o.agency_id left join told t on t.what = o.what and t.id = o.id
        where coalesce(t.fen, 0) <> o.fen order by o.what, o.id
        """,
        "select (select count(*) from levy_line) + (select count(*) from levy_refunddue)",
        ("levy_duechange", "levy_recalculationline", "levy_line", "levy_refunddue"),
    ),
    Rule(
        "orders_of_their_dues",
        "补缴单的本金、滞纳金 = 转入的人员欠费之和",
        f"""
        select g.place, b.number || v.what, v.dues, v.bill from levy_bill b {_PLACE}
        join lateral (select coalesce(sum(t.unit_fen + t.person_fen), 0)::bigint as principal,
                             coalesce(sum(t.late_fee_fen), 0)::bigint as fee from levy_takendue t where t.order_id = b.id) t on true
        cross join lateral (values (' 本金', t.principal, b.unit_fen + b.person_fen),
                                   (' 滞纳金', t.fee, b.late_fee_fen)) v (what, dues, bill)
        where b.kind = 'arrears' and v.dues <> v.bill order by b.id
        """,
        "select count(*) from levy_bill where kind = 'arrears'",
        ("levy_takendue",),
    ),
    Rule(
        "moved_and_written_off",
        "每行转出、注销的金额 = 转入补缴单、注销的人员欠费之和",
        f"""
        select g.place, b.number || ' ' || l.insurance || v.what, v.dues, v.line
        from levy_billline l join levy_bill b on b.id = l.bill_id {_PLACE}
        join lateral (select coalesce(sum(t.unit_fen + t.person_fen) filter (where t.state in ('ordered', 'paid')), 0)::bigint as moved,
                             coalesce(sum(t.unit_fen + t.person_fen) filter (where t.state = 'written_off'), 0)::bigint as off
                      from levy_takendue t where t.line_id = l.id) t on true
        cross join lateral (values (' 转出', t.moved, l.moved_fen), (' 注销', t.off, l.written_off_fen)) v (what, dues, line)
        where b.kind = 'monthly' and v.dues <> v.line order by l.id
        """,
        "select count(*) from levy_takendue",
        ("levy_takendue",),
    ),
)
