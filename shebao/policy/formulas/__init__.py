"""Formulas: int64 fen and ppm in, int64 fen out, half up, no clock, no I/O. The same expression serves one value and a column."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PPM = 1_000_000

FenArray: TypeAlias = NDArray[np.int64]
