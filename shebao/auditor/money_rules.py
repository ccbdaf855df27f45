"""Money that came in and what it paid; dues of flexible workers; runs."""

from shebao.auditor.model import Rule

_PLACE = "join parties_agency g on g.id = b.agency_id"

RECEIPTS = (
    Rule(
        "receipt_shared_out",
        "每笔到账的已分配金额 = 分配到各行的金额之和，且不超过到账",
        """
        select g.place, r.serial, coalesce(s.fen, 0), r.allocated_fen from levy_receipt r join parties_agency g on g.id = r.agency_id
        left join (select receipt_id, sum(amount_fen)::bigint as fen from levy_allocation group by 1) s on s.receipt_id = r.id
        where coalesce(s.fen, 0) <> r.allocated_fen or r.allocated_fen + r.moved_fen > r.amount_fen
          or (r.state in ('pending', 'void') and r.allocated_fen <> 0)
          or (r.state = 'allocated' and r.allocated_fen <> r.amount_fen) order by r.id
        """,
        "select count(*) from levy_receipt",
        ("levy_receipt", "levy_allocation"),
    ),
    Rule(
        "line_paid_by_receipts",
        "每行的已缴 = 到账分配 + 多缴抵扣 − 结算转出的多缴",
        f"""
        select g.place, b.number || ' ' || l.insurance || ' ' || l.origin,
               coalesce(s.fen, 0) + coalesce(u.fen, 0) - coalesce(e.fen, 0), l.paid_fen
        from levy_billline l join levy_bill b on b.id = l.bill_id {_PLACE}
        left join (select line_id, sum(amount_fen)::bigint as fen from levy_allocation group by 1) s on s.line_id = l.id
        left join (select line_id, sum(amount_fen)::bigint as fen from levy_credituse group by 1) u on u.line_id = l.id
        left join (select line_id, sum(credit_fen)::bigint as fen from levy_estimate where settled_at is not null group by 1) e
          on e.line_id = l.id
        where coalesce(s.fen, 0) + coalesce(u.fen, 0) - coalesce(e.fen, 0) <> l.paid_fen order by l.id
        """,
        "select count(*) from levy_billline",
        ("levy_allocation", "levy_credituse", "levy_estimate"),
    ),
    Rule(
        "serial_once",
        "同一流水号只入账一次",
        "select g.place, r.serial, 1, count(*) from levy_receipt r join parties_agency g on g.id = r.agency_id"
        " group by 1, r.serial having count(*) > 1 order by 2",
        "select count(*) from levy_receipt",
        ("levy_receipt",),
        money=False,
    ),
    Rule(
        "receipt_two_people",
        "手工登记的到账由两人登记、复核",
        "select g.place, r.serial, 1, 0 from levy_receipt r join parties_agency g on g.id = r.agency_id"
        " where r.channel in ('file', 'hand') and r.file_id is null and r.state in ('allocated', 'suspense')"
        " and (r.confirmed_by is null or r.confirmed_by = r.entered_by) order by r.id",
        "select count(*) from levy_receipt where channel in ('file', 'hand') and file_id is null",
        ("levy_receipt",),
        money=False,
    ),
    Rule(
        "credits_used",
        "每笔结算多缴的已抵扣 = 抵扣明细之和，且不超过多缴",
        """
        select g.place, e.id::text, coalesce(u.fen, 0), e.used_fen from levy_estimate e join parties_agency g on g.id = e.agency_id
        left join (select estimate_id, sum(amount_fen)::bigint as fen from levy_credituse group by 1) u on u.estimate_id = e.id
        where coalesce(u.fen, 0) <> e.used_fen or e.used_fen > e.credit_fen order by e.id
        """,
        "select count(*) from levy_estimate",
        ("levy_estimate", "levy_credituse"),
    ),
)

_DUE = "d.person_id || ' ' || d.month || ' ' || d.insurance"
DUES = (
    Rule(
        "due_in_one_place",
        "灵活就业每月应缴只在一处：待缴、核定单上、批扣中、已缴等，状态与所在一致",
        f"""
        select g.place, {_DUE}, 1, 0 from levy_flexdue d join parties_agency g on g.id = d.agency_id
        left join levy_bill b on b.id = d.bill_id
        where (d.state = 'open' and (d.bill_id is not null or d.batch_id is not null))
          or (d.state = 'billed' and (b.id is null or b.kind <> 'person' or b.person_id <> d.person_id
                                      or b.state not in ('issued', 'part_paid') or d.batch_id is not null))
          or (d.state = 'sent' and (d.batch_id is null or d.bill_id is not null))
          or (d.state in ('paid', 'refunded')) <> (d.paid_on is not null) order by d.person_id, d.month
        """,
        "select count(*) from levy_flexdue",
        ("levy_flexdue",),
        money=False,
    ),
    Rule(
        "person_bill_of_its_dues",
        "个人核定单金额 = 单上各月应缴与利息之和",
        f"""
        select g.place, b.number, coalesce(d.fen, 0), b.unit_fen + b.person_fen + b.late_fee_fen from levy_bill b {_PLACE}
        left join (select bill_id, sum(total_fen + interest_fen)::bigint as fen from levy_flexdue group by 1) d on d.bill_id = b.id
        where b.kind = 'person' and b.state <> 'cancelled' and coalesce(d.fen, 0) <> b.unit_fen + b.person_fen + b.late_fee_fen
        order by b.id
        """,
        "select count(*) from levy_bill where kind = 'person'",
        ("levy_flexdue",),
    ),
)

_BATCH = """
select b.place, b.number || v.what, v.lines, v.batch from levy_debitbatch b
{} cross join lateral (values {}) v (what, lines, batch) where {} and v.lines <> v.batch order by b.id
"""
DEBITS = (
    Rule(
        "batch_of_its_lines",
        "批扣批次的笔数、金额 = 各行之和",
        _BATCH.format(
            "left join (select batch_id, count(*) as n, sum(amount_fen)::bigint as fen from levy_debitline group by 1) l"
            " on l.batch_id = b.id",
            "(' 笔数', coalesce(l.n, 0), b.lines::bigint), (' 金额', coalesce(l.fen, 0), b.total_fen)",
            "b.state not in ('building', 'recalled')",
        ),
        "select count(*) from levy_debitbatch",
        ("levy_debitbatch", "levy_debitline"),
    ),
    Rule(
        "batch_paid_as_answered",
        "已入账批次的成功笔数、金额 = 银行回盘的成功行 = 各分块入账之和",
        _BATCH.format(
            "left join (select batch_id, count(*) as n, sum(taken_fen)::bigint as fen from levy_debitresult"
            " where part = 1 and result = '00' group by 1) r on r.batch_id = b.id"
            " left join (select batch_id, sum(posted_lines)::bigint as n, sum(posted_fen)::bigint as fen from levy_debitchunk group by 1) c"
            " on c.batch_id = b.id",
            "(' 成功笔数', coalesce(r.n, 0), coalesce(c.n, 0)), (' 成功金额', coalesce(r.fen, 0), coalesce(c.fen, 0))",
            "b.state = 'posted'",
        ),
        "select count(*) from levy_debitbatch where state = 'posted'",
        ("levy_debitbatch", "levy_debitresult", "levy_debitchunk"),
    ),
    Rule(
        "sent_dues_are_out",
        "批扣中的应缴都在尚未入账的批次里，金额 = 该批该人的扣款行",
        """
        select b.place, b.number || ' ' || l.person_id, coalesce(d.fen, 0), l.amount_fen::bigint
        from levy_debitbatch b join levy_debitline l on l.batch_id = b.id
        left join (select batch_id, person_id, sum(total_fen + interest_fen)::bigint as fen from levy_flexdue where state = 'sent'
                   group by 1, 2) d on d.batch_id = b.id and d.person_id = l.person_id
        where b.state in ('built', 'sent') and coalesce(d.fen, 0) <> l.amount_fen
        union all
        select g.place, d.person_id || ' ' || d.month, 0, d.total_fen::bigint from levy_flexdue d
        join parties_agency g on g.id = d.agency_id left join levy_debitbatch b on b.id = d.batch_id
        where d.state = 'sent' and (b.id is null or b.state not in ('building', 'built', 'sent', 'answered'))
        """,
        "select count(*) from levy_flexdue where state = 'sent'",
        ("levy_debitbatch", "levy_debitline", "levy_flexdue"),
    ),
)

ACCOUNTS = (
    Rule(
        "account_source_of_its_entries",
        "个人账户每笔来源的人数、金额 = 其记账之和",
        """
        select s.place, s.id || ' ' || s.label || v.what, v.entries, v.source from accounts_source s
        left join (select source_id, count(*) as n, sum(own_fen + employer_fen)::bigint as fen from accounts_entry group by 1) e
          on e.source_id = s.id
        cross join lateral (values (' 金额', coalesce(e.fen, 0), s.own_fen + s.employer_fen)) v (what, entries, source)
        where v.entries <> v.source order by s.id
        """,
        "select count(*) from accounts_source",
        ("accounts_source", "accounts_entry"),
    ),
    # 国发〔1997〕26号, 国发〔2005〕38号, reckoned here by the paper and not by the rule book. Per person and month: what was charged through each
    # unit; once all of it is credited (the own parts say so), the employer's part is what is missing to 11 %, never more than was charged.
    Rule(
        "employer_part_of_accounts",
        "单位划入个人账户的金额：2005 年底以前补足缴费基数的 11%，2006 年起为零",
        """
        with charged as (
          select c.person_id, c.month, sum(c.own)::bigint as own,
                 sum(greatest(0, least(c.unit, round(c.base * 0.11)::bigint - c.own)))::bigint as filled from (
            select person_id, month, unit_id, sum(base) as base, sum(own) as own, sum(unit) as unit from (
              select person_id, month, unit_id, pension_base_fen as base, pension_person_fen as own, pension_unit_fen as unit
              from levy_assessment where month <= 200512
              union all
              select person_id, month, unit_id, base_fen, person_fen, unit_fen from levy_line where insurance = 110 and month <= 200512
              union all
              select d.person_id, d.month, d.unit_id, -d.base_fen, -d.person_fen, -d.unit_fen from levy_refunddue d
              join levy_refundline l on l.refund_due_id = d.id join levy_refund r on r.id = l.refund_id and r.booked
              where d.insurance = 110 and d.month <= 200512) x group by 1, 2, 3) c group by 1, 2),
        credited as (
          select e.person_id, e.month, min(s.place) as place, sum(e.own_fen)::bigint as own, sum(e.employer_fen)::bigint as employer
          from accounts_entry e join accounts_source s on s.id = e.source_id where e.kind = 1 group by 1, 2
          having e.month <= 200512 or sum(e.employer_fen) <> 0)
        select k.place, k.person_id || ' ' || k.month, coalesce(c.filled, 0), k.employer
        from credited k left join charged c on c.person_id = k.person_id and c.month = k.month
        where case when c.own = k.own then k.employer <> c.filled else k.employer not between 0 and coalesce(c.filled, 0) end
        order by 2
        """,
        "select count(*) from accounts_entry where kind = 1",
        ("accounts_entry", "accounts_source", "levy_assessment", "levy_line", "levy_refunddue", "levy_refundline", "levy_refund"),
    ),
    Rule(
        "refund_of_its_lines",
        "每笔退费 = 各来源之和，且由两人办理",
        """
        select r.place, r.number, coalesce(l.fen, 0), r.amount_fen from levy_refund r
        left join (select refund_id, sum(amount_fen)::bigint as fen from levy_refundline group by 1) l on l.refund_id = r.id
        where coalesce(l.fen, 0) <> r.amount_fen
          or (r.booked and (r.reviewed_by is null or r.reviewed_by = r.applied_by)) order by r.id
        """,
        "select count(*) from levy_refund",
        ("levy_refund", "levy_refundline"),
    ),
)

RUNS = (
    Rule(
        "run_of_its_chunks",
        "已完成批次的人数、金额 = 各分块之和",
        """
        select r.place, r.kind || ' ' || r.month || v.what, v.chunks, v.run from levy_run r
        join lateral (select coalesce(sum(c.rows), 0)::bigint as rows, coalesce(sum(c.total_fen), 0)::bigint as fen from levy_runchunk c
                      where c.run_id = r.id) c on true
        cross join lateral (values (' 人数', c.rows, r.rows::bigint), (' 金额', c.fen, r.total_fen)) v (what, chunks, run)
        where r.state = 'done' and v.chunks <> v.run order by r.id
        """,
        "select count(*) from levy_run where state = 'done'",
        ("levy_run", "levy_runchunk"),
    ),
)
