"""What the audit found, for people and for programs."""

from collections.abc import Sequence
from typing import Any

from shebao.auditor.model import Figure, Finding
from shebao.base.money import yuan, yuan_shown

WORDS = {"ok": "一致", "wrong": "不一致", "skipped": "未核对"}


def verdict(findings: Sequence[Finding]) -> str:
    """One sentence about all of it."""
    wrong, skipped = (sum(f.state == state for f in findings) for state in ("wrong", "skipped"))
    part = sum(bool(f.skipped) and f.state != "skipped" for f in findings)
    told = f"共 {len(findings)} 项：一致 {len(findings) - wrong - skipped} 项，不一致 {wrong} 项，未核对 {skipped} 项"
    return told + (f"，部分未核对 {part} 项" if part else "")


def lines(findings: Sequence[Finding]) -> list[str]:
    """The report as text: differences with their figures, control accounts with their sums."""
    told = []
    for f in findings:
        told.append(f"[{WORDS[f.state]}] {f.sentence}（{f.name}，查 {f.examined:,} 项）")
        if f.reason:
            told.append(f"        {f.reason}")
        told += [f"        {text}" for text in f.skipped if f.state != "skipped"]
        told += [f"        {_shown(f, figure)}" for figure in f.figures]
        if f.more:
            told.append(f"        另有 {f.more:,} 项")
    return [*told, verdict(findings)]


def _shown(finding: Finding, figure: Figure) -> str:
    where = f"{figure.place} {figure.what}"
    if not finding.money:
        return where
    sums = f"应为 {yuan_shown(figure.should)}，账上 {yuan_shown(figure.found)}"
    return f"{where}：{sums}" + (f"，相差 {yuan_shown(figure.difference)}" if figure.difference else "")


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The report for programs: amounts in yuan."""
    return {
        "verdict": verdict(findings),
        "differences": sum(f.state == "wrong" for f in findings),
        "checks": [
            {
                "name": f.name,
                "sentence": f.sentence,
                "state": f.state,
                "examined": f.examined,
                "reason": f.reason,
                "not_asked": f.skipped,
                "figures": [_figure(f, figure) for figure in f.figures],
                "more": f.more,
            }
            for f in findings
        ],
    }


def _figure(finding: Finding, figure: Figure) -> dict[str, Any]:
    told: dict[str, Any] = {"place": figure.place, "what": figure.what}
    if finding.money:
        told |= {"should": yuan(figure.should), "found": yuan(figure.found), "difference": yuan(figure.difference)}
    return told
