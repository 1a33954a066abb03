"""Results on the terminal, in files and as exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli_fakes import Measured, Partly, measure
from seehear.cli.output import run
from seehear.cli.parser import parse
from seehear.cli.verbs import Verb, Writer
from seehear.errors import SeehearError

WRITERS = {
    "csv": Writer("table", "csv"),
    "plot": Writer("picture", "file", "plot", (".png",)),
    "rttm": Writer("turns", "lines", "lines", distinct_names=True),
    "out": Writer("result", "json"),
}


def called(function: Callable[..., Any], *words: str, **entry: Any) -> int:
    verb = Verb(function, "", "", **{"writers": WRITERS} | entry)
    return run("info", verb, parse("info", verb, words))


def one(path: Path) -> Measured:
    """Measure one file."""
    return Measured(path)


def failed(path: Path) -> Partly:
    """Measure one file in part."""
    return Partly(path, error=f"{path} cannot be fixed", code="media")


def test_one_file_is_a_block_and_several_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(one, "a.mp4") == 0
    assert called(measure, "a.mp4") == 0
    assert capsys.readouterr().out == "block a.mp4 12.5\nblock a.mp4 1.0\n"
    assert called(measure, "a.mp4", "b.mp4", closing=lambda results: f"{len(results)} files") == 0
    assert capsys.readouterr().out == "line a.mp4 1.0\nline b.mp4 1.0\n2 files\n"


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(measure, "ä.mp4", "b.mp4", "--json", closing=lambda results: "closing") == 0
    text = capsys.readouterr().out
    assert "ä" in text
    assert [json.loads(line) for line in text.splitlines()] == [
        {"file": "ä.mp4", "delay_ms": 1.0},
        {"file": "b.mp4", "delay_ms": 1.0},
    ]
    assert called(one, "a.mp4", "--json", "--frames", json_options={"frames": "also frames"}) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == [1, 2]


def test_results_are_printed_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    seen = []

    def slow(files: Sequence[Path]) -> Iterator[Measured]:
        """Measure."""
        for file in files:
            yield Measured(file)
            seen.append(output.getvalue().count("\n"))

    called(slow, "a", "b", "--json")
    assert seen == [1, 2]


def test_failed_results_are_exit_code_2_and_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(measure, "a.mp4", "bad.mp4") == 2
    printed = capsys.readouterr()
    assert "bad.mp4 is no video" in printed.out
    assert printed.err == ""  # the line has said it
    assert called(measure, "a.mp4", "bad.mp4", "bad.mp4", "--json") == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[1])["error"] == "bad.mp4 is no video"
    assert printed.err == "seehear: bad.mp4 is no video\n"
    assert called(measure, "bad.mp4") == 2
    assert capsys.readouterr() == ("", "seehear: bad.mp4 is no video\n")
    assert called(failed, "a.mp4") == 2
    assert capsys.readouterr() == ("block a.mp4 12.5\n", "seehear: a.mp4 cannot be fixed\n")


def test_what_a_function_refuses_is_left_to_main() -> None:
    def verb(path: Path) -> None:
        """Refuse."""
        raise SeehearError("no such model")

    with pytest.raises(SeehearError):
        called(verb, "a")


def test_writers_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, turns = tmp_path / "t.csv", tmp_path / "t.rttm"
    assert called(measure, "a.mp4", "bad.mp4", "--csv", str(table), "--rttm", str(turns)) == 2
    rows = list(csv.DictReader(table.open()))
    assert [row["file"] for row in rows] == ["a.mp4", "bad.mp4"]
    assert turns.read_text().splitlines() == ["SPEAKER a 1", "SPEAKER a 2"]
    picture, result = tmp_path / "p.png", tmp_path / "r.json"
    assert called(one, "a.mp4", "--plot", str(picture), "-o", str(result)) == 0
    assert picture.read_text() == "plot of a.mp4"
    assert json.loads(result.read_text()) == {"file": "a.mp4", "delay_ms": 12.5}
    assert called(measure, "bad.mp4", "--plot", str(tmp_path / "none.png")) == 2
    assert not (tmp_path / "none.png").exists()


def test_a_writer_may_be_a_function(tmp_path: Path) -> None:
    def draw(result: Measured, path: Path) -> None:
        path.write_text(str(result.delay_ms))

    assert called(one, "a.mp4", "--video", str(tmp_path / "v"), writers={"video": Writer("", "file", draw)}) == 0
    assert (tmp_path / "v").read_text() == "12.5"


@pytest.mark.parametrize(
    "words",
    [
        ["a.mp4", "b.mp4", "--plot", "p.png"],  # of one file only
        ["a.mp4", "--plot", "p.jpg"],
        ["a.mp4", "--csv", "no-folder/t.csv"],
        ["a.mp4", "--csv", "."],
        ["a.png", "--plot", "a.png"],  # the input itself
        ["x/a.mp4", "y/a.mp4", "--rttm", "t.rttm"],  # two of one name
    ],
)
def test_places_are_checked_before_anything_begins(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verb(files: list[Path]) -> Iterator[Measured]:
        """Never called."""
        pytest.fail("the work began")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").touch()
    with pytest.raises(SeehearError):
        called(verb, *words)


def test_progress_is_handed_in_and_drawn_on_the_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    shares = []

    def verb(path: Path, *, progress: Callable[[float, str], None] | None = None) -> Measured:
        """Measure."""
        assert progress
        for share in (0.5, 1.0):
            progress(share, "halfway")
            shares.append(share)
        return Measured(path)

    assert called(verb, "a.mp4") == 0
    assert shares == [0.5, 1.0]
    assert capsys.readouterr() == ("block a.mp4 12.5\n", "")


def test_problems_of_a_result_that_is_there_are_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    class Incomplete(Measured):
        @property
        def problems(self) -> tuple[str, ...]:
            return ("b.mp4 is left out", "b.mp4 is left out")

    def verb(path: Path) -> Measured:
        """Measure."""
        return Incomplete(path)

    assert called(verb, "a.mp4") == 2
    assert capsys.readouterr() == ("block a.mp4 12.5\n", "seehear: b.mp4 is left out\n")


@dataclass(frozen=True)
class Fitted:
    bias: float = 0.5


@pytest.mark.parametrize(("words", "printed"), [(["--json"], '{"bias": 0.5}\n'), ([], "Fitted(bias=0.5)\n")])
def test_plain_values_are_printed_too(words: list[str], printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(lambda: Fitted(), *words) == 0
    assert capsys.readouterr().out == printed


BAR_ON_A_TERMINAL = """
import sys, time
from pathlib import Path
from cli_fakes import Measured
from seehear.cli.output import run
from seehear.cli.parser import parse
from seehear.cli.verbs import Verb

def verb(files: list[Path], *, progress=None):
    "Measure."
    for file in files:
        progress(0.5, "file")
        time.sleep(0.3)
        yield Measured(file)

verb.__annotations__["progress"] = "object"
entry = Verb(verb, "", "")
sys.exit(run("info", entry, parse("info", entry, ["a", "b", "--json"])))
"""


def test_a_bar_on_the_terminal_does_not_swallow_the_output_of_a_pipe() -> None:
    terminal, end = pty.openpty()
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", BAR_ON_A_TERMINAL],
        stdout=subprocess.PIPE,
        stderr=end,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([tests, *sys.path]), "TERM": "xterm"},
    ) as process:
        printed, _ = process.communicate(timeout=60)
    os.close(end)
    drawn = os.read(terminal, 65536)
    os.close(terminal)
    assert process.returncode == 0
    assert [json.loads(line)["file"] for line in printed.splitlines()] == ["a", "b"]
    assert b"info" in drawn
    assert b"delay_ms" not in drawn


class TermsError(SeehearError):
    terms, name = "be kind", "fsdd"

    def __init__(self) -> None:
        super().__init__("the terms were not accepted", code="terms")


def download(name: str, *, accept_terms: bool = False) -> None:
    """Get it."""
    if not accept_terms:
        raise TermsError


def run_all(name: str, *, accept_terms: Sequence[str] = ()) -> None:
    """Get all."""
    if "fsdd" not in accept_terms:
        raise TermsError


@pytest.mark.parametrize("function", [download, run_all])
def test_terms_are_asked_for_on_a_terminal(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    assert called(function, "x", confirm="accept_terms", writers={}) == 0
    assert "be kind" in capsys.readouterr().err
    for answer in (Terminal("no\n"), Terminal(""), io.StringIO("yes\n")):
        monkeypatch.setattr(sys, "stdin", answer)
        with pytest.raises(TermsError):
            called(function, "x", confirm="accept_terms", writers={})
