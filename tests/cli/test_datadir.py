"""The data folder and the command line: one clear line for what a user can mend."""

from pathlib import Path

import pytest

from cli import valkey
from cli.datadir import DataDir, RunFile
from cli.main import main
from protocol.errors import ConfigurationError
from runtime.settings import Settings


class TestFolder:
    """One run a folder; what a run writes is for its owner alone."""

    def test_one_run_at_a_time(self, tmp_path: Path) -> None:
        data = DataDir(tmp_path / "data")
        data.create()
        assert not data.is_running()
        with data.locked():
            assert data.is_running()
            with pytest.raises(ConfigurationError, match="another moneyboard"), data.locked():
                pytest.fail("locked twice")
        assert not data.is_running()

    def test_the_run_file(self, tmp_path: Path) -> None:
        data = DataDir(tmp_path)
        assert data.read_run() is None
        run = RunFile(Settings(), 1234, "secret")
        data.write_run(run)
        assert data.read_run() == run
        assert data.run_file.stat().st_mode & 0o777 == 0o600
        with pytest.raises(ConfigurationError, match="nothing runs there"):
            data.running()

    def test_no_space_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: Path, __: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(ConfigurationError, match=r"--data .*No space left on device"):
            DataDir(tmp_path).create()


class TestCommandLine:
    """Exit code 2 and one line on stderr, never a traceback."""

    def run(self, capfd: pytest.CaptureFixture[str], *words: str) -> str:
        assert main(words) == 2
        errors = capfd.readouterr().err
        assert errors.count("\n") == 1
        return errors

    def test_a_folder_that_cannot_be(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "file"
        file.touch()
        assert "Not a directory" in self.run(capfd, "run", "--data", str(file / "data"))
        assert "Not a directory" in self.run(capfd, "demo", "--data", str(file / "data"))

    def test_a_taken_port(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        with valkey.socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            errors = self.run(capfd, "run", "--data", str(tmp_path), "--http-port", port)
        assert f"port {port}" in errors
        assert "--http-port" in errors

    @pytest.mark.parametrize(
        ("option", "value", "text"),
        [
            ("--season", "every day", "season_calendar"),
            ("--config", "/nowhere.toml", "nowhere.toml"),
        ],
    )
    def test_a_wrong_setting(
        self,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
        option: str,
        value: str,
        text: str,
    ) -> None:
        assert text in self.run(capfd, "run", "--data", str(tmp_path), option, value)

    def test_nothing_runs(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        assert "nothing runs there" in self.run(capfd, "status", "--data", str(tmp_path))
        assert "no store" in self.run(capfd, "verify", "--data", str(tmp_path))
