"""The images that ``opbench run`` calibrates int8 on, as --data names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opbench.runs.plan import Sweep
    from opbench.runs.start import Prepared


def check_data(sweep: Sweep) -> None:
    """Raise ``BadValueError`` for int8 without images, and for images without int8."""
    int8 = "int8" in sweep.dtypes
    if not int8 and not sweep.data:
        return
    from opbench.evaluation.calibration import require_data

    runtimes = [name for name, _ in sweep.executions]
    require_data(runtimes if int8 else (), Path(sweep.data) if sweep.data else None)


def calibrated_on(prepared: Prepared, data: str, folder: str) -> Prepared:
    """Prepare the images that int8 is calibrated on in ``folder``, if there are any."""
    if not data:
        return prepared
    from opbench.evaluation.calibration import calibrated

    return calibrated(prepared, Path(data), Path(folder))
