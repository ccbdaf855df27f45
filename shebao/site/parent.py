"""A child that does not outlive its parent, however that one ends. Linux only; elsewhere a killed parent leaves its children."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def outlived(parent: int) -> bool:
    """Whether the parent was gone already before the kernel was asked."""
    return os.getppid() != parent
