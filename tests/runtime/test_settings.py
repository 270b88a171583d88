"""Settings: where they come from, and errors that name the key."""

from pathlib import Path

import pytest

from protocol.errors import ConfigurationError
from protocol.messages import Durability
from runtime.settings import Settings, load, to_environ


class TestSources:
    """The command line beats the environment, which beats the file, which beats the defaults."""

    def test_precedence(self, tmp_path: Path) -> None:
        file = tmp_path / "moneyboard.toml"
        file.write_text('ws_port = 1\nhttp_port = 1\npartitions = 8\ndurability = "replicated"\n')
        environ = {"MONEYBOARD_WS_PORT": "2", "MONEYBOARD_HTTP_PORT": "2", "OTHER": "x"}
        found = load(file, environ, {"ws_port": 3, "season_calendar": None})
        assert (found.ws_port, found.http_port, found.partitions) == (3, 2, 8)
        assert found.durability is Durability.REPLICATED
        assert found.season_calendar == Settings().season_calendar

    def test_the_environment_carries_everything(self) -> None:
        settings = Settings(partitions=7, durability=Durability.MEMORY, archive_url="memory:")
        assert load(environ=to_environ(settings)) == settings


class TestErrors:
    """What is wrong is named."""

    @pytest.mark.parametrize(
        ("environ", "text"),
        [
            ({"MONEYBOARD_WS_PROT": "1"}, "ws_prot"),
            ({"MONEYBOARD_WS_PORT": "x"}, "ws_port"),
            ({"MONEYBOARD_DURABILITY": "best"}, "durability"),
            ({"MONEYBOARD_PARTITIONS": "0"}, "partitions"),
            ({"MONEYBOARD_PARTITIONS": "9999"}, "partitions"),
        ],
    )
    def test_a_wrong_variable(self, environ: dict[str, str], text: str) -> None:
        with pytest.raises(ConfigurationError, match=text):
            load(environ=environ)

    def test_a_file_that_is_none(self, tmp_path: Path) -> None:
        file = tmp_path / "moneyboard.toml"
        with pytest.raises(ConfigurationError, match=r"moneyboard\.toml"):
            load(file, {})
        file.write_text("x = = 1")
        with pytest.raises(ConfigurationError, match=r"moneyboard\.toml"):
            load(file, {})
