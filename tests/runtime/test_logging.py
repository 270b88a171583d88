"""Logs tell where something failed, and never what its variables held."""

from uuid import uuid4

import pytest

from runtime.logging import configure

SECRET = str(uuid4())


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_variables(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = configure("test", log_format)

    def fail(token: str) -> None:
        if token:
            raise RuntimeError("broken")

    try:
        fail(SECRET)
    except RuntimeError:
        log.exception("failed")
    written = capsys.readouterr().err
    assert "RuntimeError: broken" in written
    assert "in fail" in written
    assert SECRET not in written
