"""The 花名册 of a unit under 64 connections, served as `shebao run` serves it, beside a bare FastAPI page with the same queries.

Loads both with wrk, in turns. `python -m bench.pages --peer PORT` is the peer's process.
"""

import html
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.harness import Row, cpu_of, open_city, spending
from bench.town import Town, found_town, insure

CONNECTIONS, THREADS = 64, 2
SECONDS, ROUNDS = int(os.environ.get("SECONDS", 6)), int(os.environ.get("ROUNDS", 5))
PEOPLE, OTHERS, CASES = 200, 20_000, 40  # of the unit, of another one, waiting for the unit
PATH = "/u/staff"
START_SECONDS_MAX = 60.0
RATIO_MIN, P99_MAX = 0.5, 1.5
PASSWORD = "bench-Hall-2026"
NAMES = ("hot list page, 64 connections: requests", "hot list page, 64 connections: p99")


# --- the peer: nothing but the queries and a template ---

_LIVE = """
select a.must_change_password, s.seen_at, coalesce(u.name, ''), coalesce(u.number, ''), coalesce(u.vip, false), g.id, g.name, g.place,
       (select string_agg(post, ',') from access_grant t where t.account_id = a.id and t.from_date <= %(at)s::date
          and (t.to_date is null or t.to_date > %(at)s::date)), a.unit_id
from access_signin s join access_account a on a.id = s.account_id
left join parties_unit u on u.id = a.unit_id join parties_agency g on g.id = coalesce(a.agency_id, u.agency_id)
where s.id = %(id)s and s.token_sha256 = %(digest)s and s.ended_at is null and s.seen_at > %(since)s and a.disabled_at is null
"""
_STAFF = """
select p.id, p.number, p.id_number, p.name, p.sex, s.insurance_mask, s.from_month, s.to_month,
       (select w.wage_fen from enrolment_wage w where w.unit_id = s.unit_id and w.person_id = s.person_id and w.known_to is null
          and w.from_month <= %(month)s and (w.to_month is null or w.to_month > %(month)s))
from enrolment_spell s join parties_person p on p.id = s.person_id
where s.unit_id = %(unit)s and s.known_to is null and s.from_month <= %(month)s and (s.to_month is null or s.to_month > %(month)s)
  and s.person_id > %(after)s order by s.person_id limit 51
"""
_COUNT = """
select count(distinct person_id) from enrolment_spell
where unit_id = %(unit)s and known_to is null and from_month <= %(month)s and (to_month is null or to_month > %(month)s)
"""
_TODO = "select count(*) from casework_case where unit_id = %(unit)s and state in ('draft', 'checking')"
_ROWS = """
{% for p in people %}<tr>
  <td><a href="/u/staff/{{ p[0] }}"><b>{{ p[3] }}</b></a>　<span class="hint">{{ "男" if p[4] == "1" else "女" }}</span></td>
  <td class="full">{{ p[2][:4] }}**********{{ p[2][14:] }} FORM</td>
  <td class="num full" data-l="个人编号">{{ p[1] }}</td>
  <td class="full">{{ types[p[5]] }}</td>
  <td class="num full" data-l="参保起始">{{ p[6] // 100 }} 年 {{ p[6] % 100 }} 月</td>
  <td class="r num edge first">{{ "{:,.2f}".format(p[8] / 100) }}</td>
  <td class="full"><a class="btn sm" href="/u/staff/{{ p[0] }}">查看</a></td>
</tr>
{% endfor %}
"""


def peer_application() -> Any:
    """For uvicorn: FastAPI, a psycopg pool, Jinja2. SHEBAO_BENCH_PEER names the database and the page's frame."""
    import hashlib
    from contextlib import asynccontextmanager

    from fastapi import FastAPI, Request, Response
    from fastapi.responses import HTMLResponse
    from jinja2 import Environment
    from psycopg_pool import AsyncConnectionPool

    from shebao.base.clock import now
    from shebao.base.months import month_of
    from shebao.base.terms import SHORT_LABELS, insurances_in

    given = json.loads(Path(os.environ["SHEBAO_BENCH_PEER"]).read_text())
    pool = AsyncConnectionPool(given["address"], min_size=4, max_size=8, open=False, kwargs={"autocommit": True})
    rows = _ROWS.replace("FORM", given["form"])
    shape = f"{{% raw %}}{given['before']}{{% endraw %}}{rows}{{% raw %}}{given['after']}{{% endraw %}}（{{{{ total }}}}，{{{{ todo }}}}）"
    page = Environment(autoescape=True).from_string(shape)
    types = {mask: "、".join(SHORT_LABELS[i] for i in insurances_in(mask)) for mask in range(64)}

    @asynccontextmanager
    async def life(_: FastAPI) -> Any:
        async with pool:
            yield

    app = FastAPI(lifespan=life)

    @app.get(PATH)
    async def staff(request: Request) -> Response:
        number, _, token = request.cookies["bench"].partition(".")
        moment = now()
        digest = hashlib.sha256(token.encode()).digest()
        async with pool.connection() as link:
            asked = {"at": moment, "id": int(number), "digest": digest, "since": moment - timedelta(minutes=30)}
            live = await (await link.execute(_LIVE, asked)).fetchone()
            if live is None:
                return Response(status_code=401)
            wanted = {"unit": live[9], "month": month_of(moment.date()), "after": 0}
            people = await (await link.execute(_STAFF, wanted)).fetchall()
            total = await (await link.execute(_COUNT, wanted)).fetchone()
            todo = await (await link.execute(_TODO, wanted)).fetchone()
        return HTMLResponse(page.render(people=people[:50], types=types, total=total[0], todo=todo[0]))

    return app


# --- both servers ---


@contextmanager
def running(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    """A server that answers on a port, ended with its children when the block ends. Yields their process group."""
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, process_group=0)
    try:
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[2]} ended with {process.returncode}"
                assert time.monotonic() < until, f"{command[2]} does not answer"
                time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)  # whoever of its group is left
        except ProcessLookupError:
            pass
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def our_command(port: int) -> list[str]:
    """As shebao.site.serve starts it."""
    from shebao.site import serve

    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    web += ["--log-level", "warning", "--workers", str(serve.WEB_PROCESSES), "--blocking-threads", str(serve.THREADS_A_PROCESS)]
    return [*web, "shebao.site.wsgi:application"]


def peer_command(port: int) -> list[str]:
    web = [sys.executable, "-m", "uvicorn", "--factory", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    return [*web, "--log-level", "warning", "--no-access-log", "bench.pages:peer_application"]


# --- the page and the load ---


def fetch(port: int, cookie: str) -> str:
    """The page once, which must be the page."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("GET", PATH, headers={"Cookie": cookie, "Host": f"127.0.0.1:{port}"})
    answer = link.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, f"{answer.status} {text[:300]}"
    assert text.count("<tr>") >= 50, f"no list in {len(text)} characters"
    return text


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk measured, and the CPU that a request took in the server and in PostgreSQL."""

    requests: float
    p99_ms: float
    cpu_ms: float


def group_cpu(group: int) -> float:
    """CPU seconds of the processes of a group."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == group:
                total += cpu_of(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def load(group: int, port: int, cookie: str) -> Load:
    """One round of wrk against a server."""
    command = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "--timeout", "20s"]
    command += ["-H", f"Cookie: {cookie}", f"http://127.0.0.1:{port}{PATH}"]
    cpu = group_cpu(group)
    with spending() as spent:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    cpu = group_cpu(group) - cpu + spent.server_cpu
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors:.*", done.stdout)
    assert wrong is None, done.stdout
    requests, count = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout), re.search(r"(\d+) requests in", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    assert requests and count and p99, done.stdout
    return Load(float(requests[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]], cpu / int(count[1]) * 1000)


def sign_in(town: Town) -> tuple[str, str]:
    """The cookies of a signed-in operator: ours and the peer's."""
    from django.contrib.auth.hashers import make_password

    from shebao.access import operations
    from shebao.access.models import Account
    from shebao.base.clock import now
    from shebao.channels.middleware import COOKIE, sign_in_cookie

    Account.objects.using("owner").filter(pk=town.operator.account_id).update(password=make_password(PASSWORD))
    signed = operations.sign_in("bench", PASSWORD, at=now(), address="127.0.0.1", agent="bench")
    return f"{COOKIE}={sign_in_cookie(signed.actor, signed.signin_id, signed.token)}", f"bench={signed.signin_id}.{signed.token}"


def fill(town: Town) -> None:
    """Staff and drafts of the unit."""
    from bench.approval import saved

    insure(town, town.unit_id, range(PEOPLE), ended=False)
    insure(town, town.other_unit_id, range(PEOPLE, PEOPLE + OTHERS), ended=False)
    for n in range(CASES):
        saved(town, PEOPLE + OTHERS + n)


def peer_settings(address: str, text: str) -> dict[str, str]:
    """What the peer's page is made of: everything of our page around the rows, and the form that stands in each row."""
    before, _, rest = text.partition("<tbody>")
    body, _, after = rest.partition("</tbody>")
    form = re.search(r"<form.*?</form>", body, re.DOTALL)
    return {
        "address": address,
        "before": f"{before}<tbody>",
        "after": f"</tbody>{after}",
        "form": html.unescape(form[0]) if form else "",
    }


def run() -> list[dict[str, Any]]:
    """The rows of the report."""
    if shutil.which("wrk") is None:
        missing = "wrk is not installed (Debian package wrk); nothing was measured"
        return [Row(name, 0, None, None, None, "measured", False, "", missing).to_dict() for name in NAMES]
    address = open_city("bench_pages")
    town = found_town()
    fill(town)
    ours_cookie, peer_cookie = sign_in(town)
    import psycopg
    from django.conf import settings
    from django.db import connections

    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    connections.close_all()
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("analyze")
    ours_port, peer_port = free_port(), free_port()
    given = settings.DATA / f"bench-peer-{secrets.token_hex(4)}.json"
    loads: dict[str, list[Load]] = {"ours": [], "peer": []}
    with ExitStack() as stack:
        stack.callback(given.unlink, missing_ok=True)
        ours_group = stack.enter_context(running(our_command(ours_port), ours_port, {}))
        page = fetch(ours_port, ours_cookie)
        given.touch(0o600)
        given.write_text(json.dumps(peer_settings(address, page)))
        peer_group = stack.enter_context(running(peer_command(peer_port), peer_port, {"SHEBAO_BENCH_PEER": str(given)}))
        like = fetch(peer_port, peer_cookie)
        for _ in range(20):
            fetch(ours_port, ours_cookie)
            fetch(peer_port, peer_cookie)
        for _ in range(ROUNDS):
            loads["ours"].append(load(ours_group, ours_port, ours_cookie))
            loads["peer"].append(load(peer_group, peer_port, peer_cookie))
    names = ("requests", "p99_ms", "cpu_ms")
    own, other = (Load(*(statistics.median(getattr(one, name) for one in loads[who]) for name in names)) for who in ("ours", "peer"))
    requests, p99 = own.requests / other.requests, own.p99_ms / other.p99_ms
    note = (
        f"a request takes {own.cpu_ms:.1f} ms CPU, the peer's {other.cpu_ms:.1f} (PostgreSQL included); pages of "
        f"{len(page.encode()):,} and {len(like.encode()):,} bytes; {ROUNDS} rounds of {SECONDS} s in turns, wrk on the same cores; "
        f"load {Path('/proc/loadavg').read_text().split()[0]}"
    )
    fast, even = requests >= RATIO_MIN, p99 <= P99_MAX
    return [
        Row(NAMES[0], own.requests, other.requests, None, requests, f"≥ {RATIO_MIN} ×", fast, "/s", note).to_dict(),
        Row(NAMES[1], own.p99_ms, other.p99_ms, None, p99, f"≤ {P99_MAX} ×", even, "ms").to_dict(),
    ]


if __name__ == "__main__":
    for line in run():
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
