"""Feed files: what is read, and how a wrong row is named."""

from pathlib import Path

import pytest

from cli.rows import MalformedRowError, read_feed
from protocol.identity import is_producer_id

HEADER = "occurred_at,game_id,player_id,player,team,earned\n"
GOOD = "2016-09-29T23:02:13Z,G/1,ada,Äda,Reds,8689\n"


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    file = folder / "feed.csv"
    file.write_text(header + "".join(rows), encoding="utf-8")
    return file


class TestGood:
    """A row is an earning; a file is a producer."""

    def test_a_row(self, tmp_path: Path) -> None:
        feed = read_feed(write(tmp_path, GOOD))
        (row,) = feed.rows
        assert (row.player, row.name, row.team) == ("ada", "Äda", "Reds")
        assert (row.event.amount, row.event.reference) == (8689, "G/1")
        assert row.event.earned_at_ms == 1_475_190_133_000

    def test_the_producer_follows_from_the_bytes(self, tmp_path: Path) -> None:
        first = read_feed(write(tmp_path, GOOD)).producer
        assert is_producer_id(first)
        assert read_feed(write(tmp_path, GOOD)).producer == first
        assert read_feed(write(tmp_path, GOOD, GOOD)).producer != first

    def test_a_file_without_rows(self, tmp_path: Path) -> None:
        assert list(read_feed(write(tmp_path)).rows) == []


class TestWrong:
    """The file, the line and the reason are named."""

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (GOOD.replace("8689", "-5"), "earned '-5'"),
            (GOOD.replace("8689", "0"), "earned '0'"),
            (GOOD.replace("8689", "1.5"), "earned '1.5'"),
            (GOOD.replace("8689", "٣"), "earned"),
            (GOOD.replace("8689", "9" * 30), "earned"),
            (GOOD.replace("ada", "a d a"), "player_id 'a d a'"),
            (GOOD.replace("2016-09-29T23:02:13Z", "yesterday"), "occurred_at 'yesterday'"),
            (GOOD.replace("13Z", "13"), "no time zone"),
            (GOOD.replace(",8689", ""), "5 columns"),
            (GOOD.replace("Reds", "R" * 65), "team"),
            (GOOD.replace("Reds", '"Re'), "feed.csv: line 3"),
        ],
    )
    def test_a_row(self, tmp_path: Path, row: str, reason: str) -> None:
        with pytest.raises(MalformedRowError) as error:
            read_feed(write(tmp_path, GOOD, row))
        assert "feed.csv: line 3" in str(error.value)
        assert reason in str(error.value)

    def test_a_header(self, tmp_path: Path) -> None:
        with pytest.raises(MalformedRowError, match="line 1"):
            read_feed(write(tmp_path, header="a,b\n"))

    def test_a_file_that_is_not_there_or_not_text(self, tmp_path: Path) -> None:
        with pytest.raises(MalformedRowError, match=r"no\.csv"):
            read_feed(tmp_path / "no.csv")
        (tmp_path / "x.csv").write_bytes(b"\xff\xfe\xff")
        with pytest.raises(MalformedRowError, match=r"x\.csv"):
            read_feed(tmp_path / "x.csv")
