"""The command line itself: the table of verbs, its help, exit codes."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from seehear import cli as cli
from seehear.cli.parser import OLD_VERBS, normalise_flags
from seehear.cli.verbs import GROUPS, VERBS, Verb
from seehear.errors import MediaError, Stopped
from seehear.version import __version__

PYTHON_TYPES = ("<class", "Literal[", "Union[", "NoneType", "Optional[", "null", "[ITEM")


def replace_info(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], **entry: Any) -> None:
    """Have ``seehear info`` call this function."""
    monkeypatch.setitem(VERBS, "info", Verb(function, "", "seehear info x", **entry))


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def verb() -> NoReturn:
        """Fail."""
        raise error

    return verb


def test_help_answers_without_importing_anything_heavy() -> None:
    program = "import sys; from seehear.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for heavy in ("torch", "cv2", "av", "matplotlib", "numpy", "jsonargparse", "rich", "yaml"):
        assert f"'{heavy}'" not in done.stderr
    for name, verb in VERBS.items():
        assert name in done.stdout
        assert verb.example in done.stdout
    for group in GROUPS:
        assert group in done.stdout


HEAVY_HELP = {"pretrain": "its flags are the fields of the options that each model's class declares"} | {
    verb: "its signature is in the module of the task" for verb in VERBS if verb.startswith("evaluate ")
}
"""Verbs whose help needs torch, and why."""


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_imports_nothing_heavy(verb: str) -> None:
    if verb in HEAVY_HELP:
        pytest.skip(HEAVY_HELP[verb])
    program = f"""if True:
        import sys
        from seehear.cli import main
        try:
            main({[*verb.split(), "--help"]!r})
        finally:
            print(*sys.modules, file=sys.stderr)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert VERBS[verb].example.split()[1] in done.stdout
    assert not {"torch", "cv2", "av", "numpy", "pyarrow", "matplotlib"} & set(done.stderr.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_for_every_flag_and_no_types_of_python(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([*verb.split(), "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert VERBS[verb].example in " ".join(shown.split())
    for words in PYTHON_TYPES:
        assert words not in shown
    assert not re.search(r"--[a-z.]*_", shown)
    parser = cli.parser_of(verb)
    assert [action.dest for action in parser._actions if action.option_strings and not action.help] == []
    assert "--json" in shown


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_is_accepted_by_its_parser(verb: str) -> None:
    named, words = cli.split_verb(VERBS[verb].example.split()[1:])
    assert named == verb
    words = normalise_flags(words)
    values = cli.parser_of(verb, words).parse_args(words)
    assert "out" not in values or values.out is not None or "-o" not in words
    for variant in VERBS[verb].variants.values():
        if variant.example:
            _, words = cli.split_verb(variant.example.split()[1:])
            cli.parser_of(verb, words).parse_args(normalise_flags(words))


@pytest.mark.parametrize("words", [["evaluate"], ["evaluate", "--help"]])
def test_a_family_of_verbs_lists_its_members(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("evaluate sync", "evaluate emotion", "evaluate words"))
    assert "avatars" not in shown


@pytest.mark.parametrize("words", [["synch"], ["evaluate", "telepathy", "run"]])
def test_an_unknown_verb_is_a_sentence_with_those_that_exist(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    text = capsys.readouterr().err
    assert " ".join(words[:2]) in text
    assert "evaluate sync" in text


@pytest.mark.parametrize(("old", "new"), OLD_VERBS.items())
def test_an_old_verb_names_the_new_one(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([old, "x.mp4"]) == 2
    assert f"{old} is {new} now" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"seehear {__version__}\n"


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "seehear", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"seehear {__version__}\n"


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (MediaError("talk.mp4 is no video"), "seehear: talk.mp4 is no video\n"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.mp4"), "out.mp4"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "out.mp4"), "out.mp4"),
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "gone.mp4"), "gone.mp4"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_exit_2(
    error: Exception, named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_info(monkeypatch, raising(error))
    assert cli.main(["info"]) == 2
    text = capsys.readouterr().err
    assert named in text
    assert text.count("\n") == 1


@pytest.mark.parametrize("resumable", [True, False])
def test_an_interrupt_is_130_and_says_whether_the_work_goes_on(
    resumable: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_info(monkeypatch, raising(KeyboardInterrupt()), resumable=resumable)
    assert cli.main(["info"]) == 130
    text = capsys.readouterr().err
    assert "interrupted" in text
    assert ("same command" in text) == resumable


@pytest.mark.parametrize("number", [2, 15])
def test_a_training_that_was_stopped_is_128_plus_the_signal(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_info(monkeypatch, raising(Stopped("stopped at step 5", number)))
    assert cli.main(["info"]) == 128 + number
    assert capsys.readouterr().err == "seehear: stopped at step 5\n"


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError(errno.EIO, "broken"), BrokenPipeError(32, "broken")])
def test_a_bug_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_info(monkeypatch, raising(error))
    with pytest.raises(type(error)):
        cli.main(["info"])


def test_a_reader_who_has_left_ends_it_quietly() -> None:
    program = """
import sys
from seehear import cli as cli
cli.VERBS["info"] = cli.Verb(lambda: "x" * 10**6, "", "")
sys.exit(cli.main(["info"]))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        text = process.stderr.read()
    assert (process.returncode, text) == (cli.PIPE_CLOSED, b"")


def test_names_that_are_not_utf8_arrive_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.fsdecode(b"k\xe4se.mp4")
    got: list[Any] = []

    def verb(files: list[Path], *, model: str = "x", out: Path | None = None, workers: int = 1) -> None:
        """Take files."""
        got.append((files, model, out, workers))

    replace_info(monkeypatch, verb)
    assert cli.main(["info", name, "plain.mp4", "--model", name, "-o", name]) == 0
    assert got == [([Path(name), Path("plain.mp4")], name, Path(name), 1)]


@pytest.mark.parametrize(
    ("words", "steps", "lr"),
    [
        ([], 1500, 0.002),
        (["--optim.steps", "7"], 7, 0.002),
        (["--preset", "mine.yaml"], 40, 0.25),
        (["--preset", "mine.yaml", "--optim.lr", "0.5"], 40, 0.5),
        (["--preset=mine.yaml", "--config", "over.yaml"], 60, 0.25),
    ],
)
def test_flags_go_over_yaml_over_preset_over_defaults(
    words: list[str], steps: int, lr: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seehear.cli.parser import parse

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("optim: {steps: 40, lr: 0.25}")
    (tmp_path / "over.yaml").write_text("optim: {steps: 60}")
    given = parse("pretrain", VERBS["pretrain"], ["corpus", "-o", "run", *words]).arguments
    assert (given["optim"].steps, given["optim"].lr) == (steps, lr)
    assert given["corpus"] == [Path("corpus")]
    assert given["out"] == Path("run")


def test_flags_of_the_model_are_those_of_the_preset(capsys: pytest.CaptureFixture[str]) -> None:
    for preset, own, other in (
        ("animate-small", ["--model.alpha", "1"], "--model.loss"),
        ("sync-base", ["--model.loss", "multiway"], "--model.alpha"),
    ):
        with pytest.raises(SystemExit):
            cli.main(["pretrain", "c", "-o", "r", "--preset", preset, *own, "--help"])
        shown = capsys.readouterr().out
        assert own[0] in shown
        assert other not in shown


def test_a_preset_may_hold_encoder_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seehear.training import pretrain

    def finished(out: Path, settings: dict[str, Any]) -> str:
        chosen.append(settings["model"])
        return "done before"

    chosen: list[dict[str, Any]] = []
    monkeypatch.setattr(pretrain, "_finished", finished)
    (tmp_path / "mine.yaml").write_text("model: {lips: {channels: [8, 8], dim: 8}, pictures: {flip: 0.0}}")
    assert cli.main(["pretrain", "corpus", "-o", "run", "--preset", str(tmp_path / "mine.yaml")]) == 0
    assert chosen[0]["lips"] == {"channels": [8, 8], "dim": 8}
    assert chosen[0]["pictures"]["flip"] == 0.0
    assert capsys.readouterr().out == "done before\n"


def test_a_preset_of_another_pretext_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pretrain", "c", "-o", "r", "--preset", "sync-base", "--model.pretext", "animate"]) == 2
    assert "sync-base" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("pretrain c -o r --optim.steps 0", "optim.steps"),
        ("pretrain c -o r --optim.ema 2", "optim.ema"),
        ("pretrain c -o r --data.batch 0", "data.batch"),
        ("pretrain c -o r --data.dev-every 1", "data.dev_every"),
        ("pretrain c -o r --engine.log_every 0", "engine.log_every"),
        ("pretrain c -o r --model.exclude -1", "model.exclude"),
        ("pretrain c -o r --model.loss separate --model.similarity inverse-euclidean", "model.loss"),
        ("avatars -o o --seed -1", "seed"),
        ("avatars -o o --clips 0", "clip"),
        ("prepare v -o c --shard-clips 0", "shard_clips"),
    ],
)
def test_a_number_that_means_nothing_is_one_sentence(
    words: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code: object = cli.main(words.split())
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    text = capsys.readouterr().err
    assert named in text
    assert text.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
