"""The pytest fixture ``opbench``: a model's counts and speed as assertions.

    def test_the_model_stays_within_its_lock(opbench):
        opbench.assert_within_lock("models/net.py:build")

    def test_the_head_is_cheap(opbench):
        opbench.assert_macs(Head(), 1_290, inputs=(128,))
        opbench.assert_params(Head(), at_most=1_300)

    def test_the_new_head_is_as_fast_as_the_old_one(opbench):
        opbench.assert_not_slower("models/net.py:new", "models/net.py:old", by="5%")

pytest loads this module in every run beside an installed opbench, so torch waits until a test
asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from opbench.testing.assertions import Assertions


@pytest.fixture(scope="session", name="opbench")
def _opbench(request: pytest.FixtureRequest) -> Assertions:
    """Assertions: assert_macs, assert_params, assert_within_lock and assert_not_slower."""
    from opbench.testing.assertions import Assertions

    return Assertions(request.config.rootpath)
