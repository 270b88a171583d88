"""The short form of ``just fuzz``: saved inputs, and inputs near them."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, saved, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_the_saved_inputs(name: str) -> None:
    inputs = saved(name)
    assert len(inputs) >= len(seeds(name))
    for data in (*seeds(name), *inputs):
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_near_the_saved_ones(name: str) -> None:
    inputs = [*seeds(name), *saved(name)]

    @settings(max_examples=300, deadline=None)
    @given(
        data=st.sampled_from(inputs),
        cut=st.integers(0, 400),
        patch=st.binary(max_size=8),
        keep=st.integers(0, 8),
    )
    @example(data=b"", cut=0, patch=b"", keep=0)
    def run(data: bytes, cut: int, patch: bytes, keep: int) -> None:
        at = cut % (len(data) + 1)
        TARGETS[name](data[:at] + patch + data[at + keep :])

    run()
