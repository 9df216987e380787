"""Values as two bases have them in common."""

from __future__ import annotations

import pytest

from tasks.crm.arkiv.felt import canonical


@pytest.mark.parametrize("value", [None, "", [], False])
def test_what_airtable_leaves_out_is_empty(value):
    assert canonical({"type": "checkbox"}, value) is None


@pytest.mark.parametrize("value", [0, 0.0])
def test_a_zero_is_a_value(value):
    assert canonical({"type": "number"}, value) == 0
