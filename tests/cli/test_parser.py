"""From a command line to the call of a function."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from cli_fakes import Protocol, Training, fix, measure
from seehear.cli.flags import cli_type, metavar_of
from seehear.cli.parser import OLD_FLAGS, Command, parse, parser_of
from seehear.cli.verbs import Variant, Verb, Writer


class Loaded:
    """A model in memory."""


class OneOf:
    """As a registry annotates names."""

    def names(self) -> list[str]:
        return ["separate", "toy"]


PathLike = str | os.PathLike[str]
SYNC = Verb(measure, "measure", "seehear sync a.mp4", variants={"fix": Variant(fix, "also fix")})


def arguments(function: Callable[..., Any], *words: str, **entry: Any) -> dict[str, Any]:
    return parse("info", Verb(function, "", "seehear info x", **entry), words).arguments


def refused(entry: Verb, words: Sequence[str], capsys: pytest.CaptureFixture[str], verb: str = "info") -> str:
    """The one sentence that refuses these words."""
    with pytest.raises(SystemExit) as stop:
        parse(verb, entry, words)
    assert stop.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith("seehear: ")
    assert text.count("\n") == 1
    return text


def help_of(entry: Verb, *words: str) -> str:
    return parser_of("info", entry, words).format_help()


@pytest.mark.parametrize(
    ("hint", "typed"),
    [
        (PathLike, Path),
        (PathLike | Sequence[PathLike] | None, list[Path]),
        (str | Path | Loaded, str),
        (Path | Loaded | None, Path | None),
        (Path | Protocol | None, Path | None),
        (PathLike | NDArray[np.floating], Path),
        (Mapping[str, Path] | Sequence[str], list[str]),
        (NDArray[np.uint8] | None, None),
        (Callable[[float, str], None] | None, None),
        (Loaded, None),
        (int | Literal["all"], int | Literal["all"]),
        (tuple[float, ...], list[float]),
        (Protocol, Protocol),
    ],
)
def test_the_part_of_a_type_that_can_be_typed_in(hint: Any, typed: Any) -> None:
    assert cli_type(hint) == typed


@pytest.mark.parametrize(
    ("kind", "name", "shown"),
    [
        (Path | None, "", "PATH"),
        (int, "", "COUNT"),
        (float | None, "", "NUMBER"),
        (str, "title", "TEXT"),
        (str, "model", "MODEL"),
        (Literal["a", "b"] | None, "", "{a,b}"),
        (int | Literal["all"], "", "COUNT|all"),
        (bool | None, "", "{true,false}"),
        (Annotated[str, OneOf()], "", "{separate,toy}"),
        (list[int], "", "[COUNT,...]"),
    ],
)
def test_what_the_help_shows_of_a_type(kind: Any, name: str, shown: str) -> None:
    assert metavar_of(kind, name) == shown


def test_only_what_can_be_typed_in_becomes_a_flag() -> None:
    def verb(
        files: PathLike | Sequence[PathLike] | None = None,
        *,
        model: str | Path | Loaded = "sync-small",
        video: NDArray[np.uint8] | None = None,
        fps: float = 25,
        progress: Callable[[float, str], None] | None = None,
    ) -> None:
        """Measure.

        Args:
            files: video files; in Python a path or several
            model: name, in Python also a loaded model
            video: frames in memory
        """

    entry = Verb(verb, "", "seehear info x", positionals=("files",))
    assert parse("info", entry, ["a.mp4", "b.mp4"]).arguments == {
        "files": [Path("a.mp4"), Path("b.mp4")],
        "model": "sync-small",
    }
    shown = help_of(entry)
    assert "--model MODEL" in shown
    assert "Python" not in shown
    assert "--fps" not in shown


def test_lists_switches_and_both_spellings() -> None:
    def verb(sources: list[str], name: str, *, dry_run: bool = False, long_side: int = 3) -> None:
        """Take things."""

    got = arguments(verb, "a", "b", "c", "--dry-run", "--long-side=5")
    assert got == {"sources": ["a", "b"], "name": "c", "dry_run": True, "long_side": 5}
    assert arguments(verb, "a", "c", "--long_side", "4")["long_side"] == 4


@pytest.mark.parametrize(
    ("words", "got"),
    [
        (["--option", "a", "--option", "b"], {"option": ["a", "b"]}),
        (["--option=a", "--top", "1", "--option", "b", "c", "--top=2"], {"option": ["a", "b", "c"], "top": 2}),
        (["--snr-db", "-5", "--option", "a", "--snr-db", "-10", "0"], {"option": ["a"], "snr_db": [-5.0, -10.0, 0.0]}),
        (["--option", "a", "--quiet", "--option"], {"option": ["a"], "quiet": True}),
    ],
)
def test_a_flag_that_takes_several_may_be_given_again(words: list[str], got: dict[str, object]) -> None:
    def verb(
        place: str,
        *,
        option: Sequence[str] = (),
        snr_db: Sequence[float] = (20.0,),
        top: int = 0,
        quiet: bool = False,
    ) -> None:
        """Take things."""

    expected = {"place": "here", "option": [], "snr_db": [20.0], "top": 0, "quiet": False} | got
    assert arguments(verb, "here", *words) == expected


def test_everything_after_two_dashes_is_a_value() -> None:
    assert arguments(measure, "--", "--odd-name.mp4")["files"] == [Path("--odd-name.mp4")]


def test_a_position_may_be_left_out_where_its_type_allows_it() -> None:
    def verb(name: str | None, *, only: Sequence[str] = ()) -> None:
        """Run."""

    assert arguments(verb)["name"] is None
    assert arguments(verb, "open-data")["name"] == "open-data"


def test_a_yaml_file_has_the_flags_as_keys_and_flags_go_over_it(tmp_path: Path) -> None:
    config = tmp_path / "flags.yaml"
    config.write_text("search_s: 3.5\ndetector: null\nfaces: whole-frame\njson: true\n")
    command = parse("sync", SYNC, ["a.mp4", "--config", str(config), "--faces", "yunet"])
    assert command.arguments["search_s"] == 3.5
    assert command.arguments["faces"] == "yunet"
    assert command.json


PROTOCOL, TRAINING = Protocol(seeds=2), Training()


def test_dataclasses_are_sections_and_flat_ones_are_flags(capsys: pytest.CaptureFixture[str]) -> None:
    def verb(model: str, *, protocol: Protocol = PROTOCOL, optim: Training = TRAINING) -> None:
        """Evaluate.

        Args:
            model: which
            protocol: how
            optim: steps
        """

    entry = Verb(verb, "", "seehear info x")
    got = parse("info", entry, ["run", "--snr-db", "5", "--probe", "bgru", "--optim.steps", "7"]).arguments
    assert got == {"model": "run", "protocol": Protocol(2, (5.0,), "bgru"), "optim": Training(7)}
    shown = help_of(entry)
    for flag in ("--seeds COUNT", "--snr-db [NUMBER ...]", "--probe {pooled,bgru}", "--optim.steps COUNT"):
        assert flag in shown
    assert "--protocol" not in shown
    assert "seeds must be 1 or more" in refused(entry, ["run", "--seeds", "0"], capsys)


def test_a_variant_is_another_function_with_its_own_flags(tmp_path: Path) -> None:
    assert parse("sync", SYNC, ["a.mp4"]).function is measure
    command = parse("sync", SYNC, ["a.mp4", "--fix", "-o", "b.mp4", "--force"])
    assert command.function is fix
    assert command.arguments == {"files": [Path("a.mp4")], "out": Path("b.mp4"), "force": True, "search_s": 1.0}
    config = tmp_path / "fix.yaml"
    config.write_text("fix: true\nout: c.mp4\n")
    assert parse("sync", SYNC, ["a.mp4", "--config", str(config)]).arguments["out"] == Path("c.mp4")


def test_the_help_shows_the_flags_of_variants() -> None:
    shown = help_of(SYNC)
    assert "with --fix" in shown
    for flag in ("--fix", "--force", "-o PATH, --out PATH", "--search-s NUMBER", "--faces {yunet,whole-frame}"):
        assert flag in shown


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["a.mp4", "--force"], "--fix"),
        (["a.mp4", "-o", "b.mp4"], "--fix"),
        (["a.mp4", "--fix"], "-o"),
        (["a.mp4", "--fix=b.mp4"], "-o"),
        (["a.mp4", "--fix", "b.mp4"], "-o"),
        (["a.mp4", "--fixx"], "--fixx"),
        (["a.mp4", "--sear", "1"], "--sear"),  # no abbreviations
        (["a.mp4", "--search-s", "soon"], "--search_s"),
        (["a.mp4", "--faces", "all"], "whole-frame"),
        ([], "files"),
    ],
)
def test_wrong_words_are_one_sentence(words: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert named in refused(SYNC, words, capsys)


def test_a_flag_variant_takes_its_value() -> None:
    def compare(one: Path, other: Path, *, threshold: float = 0.5) -> None:
        """Compare two."""

    def compare_pairs(pairs: PathLike, folder: PathLike = ".", *, threshold: float = 0.5) -> None:
        """Compare many."""

    entry = Verb(compare, "", "", variants={"pairs": Variant(compare_pairs)}, positionals=("folder",))
    assert parse("verify", entry, ["a", "b"]).function is compare
    command = parse("verify", entry, ["recordings", "--pairs=list.txt"])
    assert command.function is compare_pairs
    assert command.arguments == {"pairs": Path("list.txt"), "folder": Path("recordings"), "threshold": 0.5}
    assert parse("verify", entry, ["--pairs", "list.txt"]).arguments["folder"] in (".", Path())
    assert "--pairs PATH" in help_of(entry)


def make(sources: list[Path], out: Path, *, size: int = 128) -> None:
    """Make a folder."""


def test_outputs_are_given_with_o_and_a_stray_path_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = Verb(make, "", "seehear prepare videos/ -o corpus/")
    for spelling in (["-o", "c"], ["--out", "c"], ["--out=c"]):
        assert parse("prepare", entry, ["a", "b", *spelling]).arguments["out"] == Path("c")
    assert "-o" in refused(entry, [str(tmp_path)], capsys)
    text = refused(entry, [str(tmp_path), "corpus"], capsys)
    assert "corpus does not exist" in text
    assert entry.example in text
    assert "(required)" in help_of(entry)
    download = Verb(lambda name, out: None, "", "")
    download.function.__annotations__.update(name=str, out=Path)
    assert "data/fsdd" in refused(download, ["fsdd", "data/fsdd"], capsys)


@pytest.mark.parametrize(
    ("verb", "old", "new"), [(verb, old, new) for verb, flags in OLD_FLAGS.items() for old, new in flags.items()]
)
def test_old_spellings_are_refused_with_the_new_one(
    verb: str, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = verb if verb != "evaluate" else "evaluate emotion"
    text = refused(SYNC, ["a.mp4", f"--{old.replace('_', '-')}", "x"], capsys, name)
    assert f"--{new} now" in text
    assert f"--{old.replace('_', '-')}" in text


def test_an_old_spelling_that_is_a_flag_still_works_as_one() -> None:
    def verb(files: list[Path], *, list: Path | None = None) -> None:
        """Compare."""

    assert parse("verify", Verb(verb, "", ""), ["a", "--list", "b"]).arguments["list"] == Path("b")


def test_a_file_that_looks_like_a_flag_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-odd.mp4").touch()
    assert "./-odd.mp4" in refused(replace(SYNC, variants={}), ["-odd.mp4"], capsys)


def test_output_flags_are_kept_from_the_function() -> None:
    entry = Verb(
        measure,
        "",
        "",
        writers={"csv": Writer("table", "csv"), "out": Writer("result", "json")},
        json_options={"frames": "also frames"},
    )
    command: Command = parse("diarize", entry, ["a", "b", "--json", "--frames", "--csv", "t.csv", "-o", "r.json"])
    assert (command.json, command.json_options, command.several) == (True, {"frames": True}, True)
    assert command.outputs == {"csv": Path("t.csv"), "out": Path("r.json")}
    assert set(command.arguments) == {"files", "search_s", "faces", "detector"}
    assert not parse("diarize", entry, ["a"]).several


def test_options_of_the_json_need_it(capsys: pytest.CaptureFixture[str]) -> None:
    entry = Verb(measure, "", "", json_options={"frames": "also frames"})
    assert "--json" in refused(entry, ["a", "--frames"], capsys)


def test_arguments_may_depend_on_the_words() -> None:
    def verb(name: str, *, size: Any = 0) -> None:
        """Run."""

    def sizes(words: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {"size": {"type": int if "--small" in words else float, "default": len(words)}}

    entry = Verb(verb, "", "", arguments=sizes)
    assert parse("info", entry, ["x", "--size", "2.5"]).arguments["size"] == 2.5


def test_defaults_are_shown_only_where_they_say_something() -> None:
    shown = help_of(SYNC)
    assert "(default: 1.0)" in shown
    assert "(default: yunet)" in shown
    for nothing in ("null", "None", "False", "==SUPPRESS=="):
        assert nothing not in shown
