"""python -m shebao.sandbox bank|tax: one partner as a process of its own. It imports nothing of ours but gateways and base."""

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

from shebao.base.errors import ShebaoError
from shebao.sandbox.bank import FUND, Bank
from shebao.sandbox.bank_link import Peer
from shebao.sandbox.process import Partner
from shebao.sandbox.tax import TaxOffice

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Serve until told to stop. 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(prog="shebao sandbox")
    parser.add_argument("partner", choices=("bank", "tax"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--hall", default="")
    parser.add_argument("--fund", default=FUND)
    parser.add_argument("--opening-fen", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parent", type=int, default=0)
    given = parser.parse_args()
    if given.parent and not _end_with(given.parent):
        return 0
    try:
        partner: Partner
        if given.partner == "bank":
            partner = Bank(given.folder, fund=given.fund, opening_fen=given.opening_fen, seed=given.seed)
        else:
            partner = TaxOffice(given.folder, hall_url=given.hall, bank=Peer(given.folder / "bank", Bank.label))
        return partner.serve(given.port)
    except ShebaoError as error:
        print(error.text, file=sys.stderr)  # noqa: T201
        return 2


def _end_with(parent: int) -> bool:
    """SIGTERM for us when the parent is gone (Linux). False when it was gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent


if __name__ == "__main__":
    sys.exit(main())
