"""What must never be otherwise in the books themselves: double entry, reversals, closed days and months."""

from shebao.auditor.model import Rule

_POSTED = "p.state = 'posted' and p.booked_on <= %(on)s"

LEDGER = (
    Rule(
        "posting_balanced",
        "每张凭证借贷相等",
        "select p.place, p.id::text, 0, sum(e.amount_fen)::bigint from ledger_posting p join ledger_entry e on e.posting_id = p.id"
        " where p.booked_on <= %(on)s group by 1, p.id having sum(e.amount_fen) <> 0 order by p.id",
        "select count(*) from ledger_posting p where p.booked_on <= %(on)s",
        of_day=True,
    ),
    Rule(
        "posting_has_entries",
        "每张待确认、已入账的凭证都有分录",
        "select p.place, p.id::text, 1, 0 from ledger_posting p where p.state <> 'void' and p.booked_on <= %(on)s"
        " and not exists (select 1 from ledger_entry e where e.posting_id = p.id) order by p.id",
        "select count(*) from ledger_posting p where p.state <> 'void' and p.booked_on <= %(on)s",
        of_day=True,
        money=False,
    ),
    Rule(
        "fund_balanced",
        "每个统筹区、每个基金的账借贷相等",
        f"select a.place, a.fund::text, 0, sum(e.amount_fen)::bigint from ledger_posting p join ledger_entry e on e.posting_id = p.id"
        f" join ledger_account a on a.id = e.account_id where {_POSTED} group by 1, a.fund"
        " having sum(e.amount_fen) <> 0 order by 1, a.fund",
        "select count(distinct (place, fund)) from ledger_account",
        of_day=True,
    ),
    Rule(
        "posting_of_one_place",
        "每张凭证只记在一个统筹区",
        "select distinct p.place, p.id::text, 1, 2 from ledger_posting p join ledger_entry e on e.posting_id = p.id"
        " join ledger_account a on a.id = e.account_id where a.place <> p.place and p.booked_on <= %(on)s order by 2",
        "select count(*) from ledger_posting p where p.booked_on <= %(on)s",
        of_day=True,
        money=False,
    ),
    Rule(
        "resolved_pending",
        "确认或作废的凭证都对应一张待确认凭证",
        "select p.place, p.id::text, 1, 0 from ledger_posting p join ledger_posting r on r.id = p.resolves_id"
        " where (r.state <> 'pending' or p.state = 'pending') and p.booked_on <= %(on)s order by p.id",
        "select count(*) from ledger_posting p where p.resolves_id is not null and p.booked_on <= %(on)s",
        of_day=True,
        money=False,
    ),
    Rule(
        "reversal_mirrors",
        "冲销凭证与原凭证逐科目相反，原凭证已入账且只冲一次",
        """
        select p.place, p.id::text || '→' || r.id::text, 0, coalesce(max(abs(t.fen)), 1)::bigint
        from ledger_posting p join ledger_posting r on r.id = p.reverses_id
        left join lateral (select sum(e.amount_fen) as fen from ledger_entry e where e.posting_id in (p.id, r.id)
                           group by e.account_id) t on true
        where p.booked_on <= %(on)s group by p.place, p.id, r.id, p.state, r.state, r.reverses_id
        having bool_or(t.fen <> 0) or p.state <> 'posted' or r.state <> 'posted' or r.reverses_id is not null
          or (select count(*) from ledger_posting o where o.reverses_id = r.id) <> 1 order by p.id
        """,
        "select count(*) from ledger_posting p where p.reverses_id is not null and p.booked_on <= %(on)s",
        of_day=True,
    ),
    Rule(
        "closed_days",
        "已日结各日的借、贷合计与分录一致",
        """
        with moved as (
          select p.place, p.booked_on as day, e.account_id, coalesce(sum(e.amount_fen) filter (where e.amount_fen > 0), 0)::bigint as debit,
                 coalesce(-sum(e.amount_fen) filter (where e.amount_fen < 0), 0)::bigint as credit
          from ledger_posting p join ledger_entry e on e.posting_id = p.id join ledger_placebook b on b.place = p.place
          where p.state = 'posted' and p.booked_on <= b.closed_to and p.booked_on <= %(on)s group by 1, 2, 3),
        frozen as (select d.place, d.day, s.account_id, s.debit_fen as debit, s.credit_fen as credit
                   from ledger_dayclosing d join ledger_daysum s on s.closing_id = d.id where d.day <= %(on)s)
        select place, day::text || ' 科目 ' || account_id::text || v.side, v.frozen, v.moved
        from moved m full join frozen f using (place, day, account_id)
        cross join lateral (values (' 借方', coalesce(f.debit, 0), coalesce(m.debit, 0)),
                                   (' 贷方', coalesce(f.credit, 0), coalesce(m.credit, 0))) v (side, frozen, moved)
        where v.frozen <> v.moved order by 1, 2
        """,
        "select count(*) from ledger_dayclosing where day <= %(on)s",
        ("ledger_dayclosing", "ledger_daysum", "ledger_placebook"),
        of_day=True,
    ),
    Rule(
        "closed_totals",
        "已日结各日的累计 = 前一日累计 + 当日发生",
        """
        with one as (
          select d.place, d.day, s.account_id, s.debit_total_fen - s.debit_fen as debit, s.credit_total_fen - s.credit_fen as credit,
                 coalesce(lag(s.debit_total_fen) over w, 0) as debit_before, coalesce(lag(s.credit_total_fen) over w, 0) as credit_before
          from ledger_dayclosing d join ledger_daysum s on s.closing_id = d.id window w as (partition by s.account_id order by d.day))
        select place, day::text || ' 科目 ' || account_id::text, debit_before - credit_before, debit - credit
        from one where (debit <> debit_before or credit <> credit_before) and day <= %(on)s order by 1, 2
        """,
        "select count(*) from ledger_daysum",
        ("ledger_dayclosing", "ledger_daysum"),
        of_day=True,
    ),
    Rule(
        "closed_in_order",
        "日结逐日相连，记账截止日就是最后一个日结日",
        """
        select place, day::text, 1, (day - before)::bigint from (
          select place, day, lag(day) over (partition by place order by day) as before from ledger_dayclosing) d
        where day - before <> 1
        union all
        select b.place, coalesce(b.closed_to::text, '无'), 0, 1 from ledger_placebook b
        where b.closed_to is distinct from (select max(d.day) from ledger_dayclosing d where d.place = b.place)
        """,
        "select count(*) from ledger_dayclosing",
        ("ledger_dayclosing", "ledger_placebook"),
        of_day=True,
        money=False,
    ),
    Rule(
        "months_closed_by_two",
        "每次月结由两人办理，且在各日日结之后",
        """
        select m.place, m.month::text, 1, 0 from ledger_monthclosing m left join ledger_placebook b on b.place = m.place
        where m.confirmed_by = m.closed_by or (m.confirmed_by is null) <> (m.confirmed_at is null)
          or coalesce(b.closed_to, '-infinity') < (to_date(m.month::text, 'YYYYMM') + interval '1 month - 1 day')::date order by 2
        """,
        "select count(*) from ledger_monthclosing",
        ("ledger_monthclosing", "ledger_placebook"),
        of_day=True,
        money=False,
    ),
)
