"""怎么算的: an explanation of the policy kernel (plain data) as the component ui.explanation takes it."""

from collections.abc import Mapping, Sequence
from typing import Any


def reason(explained: Mapping[str, Any] | None, *, keys: Sequence[str] = ()) -> dict[str, Any] | None:
    """Steps, and every rule once with value, source and how far it may be trusted.

    Args: explained: as `Explained.to_dict()`.  keys: only these steps.
    """
    if explained is None:
        return None
    steps = [step for step in explained["steps"] if not keys or step["key"] in keys]
    rules = {(rule["id"], rule["place"], rule["valid_from"]): rule for step in steps for rule in step["rules"]}
    return {
        "inputs": [(each["label"], each["value"]) for each in explained["inputs"]],
        "steps": [
            {"label": s["label"], "formula": s["expression"], "result": f"{_grouped(s['amount'])} 元" if s["amount"] is not None else ""}
            for s in steps
        ],
        "rules": [
            {
                "title": f"{rule['label']}（{rule['place_label']}）",
                "value": rule["shown"],
                "source": "；".join([*([rule["law"]] if rule["law"] else []), *rule["source"]]),
                "since": rule["valid_from"],
                "status": rule["status_label"],
                "verify": rule["verify_before_production"],
            }
            for rule in rules.values()
        ],
        "unverified": sorted({rule["status_label"] for rule in rules.values() if rule["verify_before_production"]}),
    }


def _grouped(yuan: str) -> str:
    whole, _, part = yuan.partition(".")
    return f"{int(whole):,}.{part}"
