"""The images that ``opbench run`` calibrates int8 on, as --data names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opbench.runs.start import Prepared


def with_data(prepared: Prepared, data: Path | None) -> Prepared:
    """Note in the header of a new run which images int8 is calibrated on.

    Raises ``BadValueError`` for int8 without images, and for images without int8.
    """
    if data is None and all(cell.dtype != "int8" for cell in prepared.state.plan):
        return prepared
    from opbench.evaluation.calibration import require_data
    from opbench.runs.lines import Header

    found = require_data(prepared.state.plan, data)
    assert isinstance(prepared.header, Header)
    return replace(prepared, header=replace(prepared.header, data=str(found)))


def calibrated_on(prepared: Prepared, data: Path | str | None, folder: str) -> Prepared:
    """Prepare the images that int8 is calibrated on in ``folder``, if there are any."""
    if not data:
        return prepared
    from opbench.evaluation.calibration import calibrated

    return calibrated(prepared, Path(data), Path(folder))
