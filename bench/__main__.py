"""`make bench`: every figure beside its peer and its limit, measured in one run, printed and written to bench/latest.json."""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LATEST = Path(__file__).resolve().parent / "latest.json"
PARTS = ("kernel", "workbook_read", "month", "upload", "pages", "approval", "bank", "accounts")


def main() -> int:
    """Run the parts, each in a process of its own so that memory figures are its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--city", type=int, default=1_000_000, help="people of the month, the accounts and (at most 900,000) the debits")
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS)
    parser.add_argument("--part", choices=PARTS)
    given = parser.parse_args()
    if given.part:
        module = importlib.import_module(f"bench.{given.part}")
        rows = module.run(given.city) if given.part in ("month", "accounts", "bank") else module.run()
        Path(f"{LATEST}.{given.part}").write_text(json.dumps(rows, ensure_ascii=False))
        return 0
    rows: list[dict[str, Any]] = []
    for part in given.only:
        print(f"… {part}", flush=True)
        made = Path(f"{LATEST}.{part}")
        made.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "bench", "--part", part, "--city", str(given.city)], check=False)
        if made.exists():
            rows += json.loads(made.read_text())
            made.unlink()
        else:
            rows.append({"name": part, "ours": None, "peer": None, "limit": None, "ratio": None, "goal": "runs", "met": False})
    LATEST.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    show(rows)
    return 0


def show(rows: list[dict[str, Any]]) -> None:
    """A table; what misses its goal says so."""
    for row in rows:
        figures = [
            f"{label} {_figure(row.get(key))}"
            for key, label in (("ours", "ours"), ("peer", "peer"), ("limit", "limit"), ("ratio", "ratio"))
        ]
        print(
            f"{'met   ' if row['met'] else 'MISSED'} {row['name']}\n       {'   '.join(figures)} {row.get('unit', '')}   goal {row['goal']}"
        )
        if row.get("note"):
            print(f"       {row['note']}")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
