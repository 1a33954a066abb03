"""The command line itself: verbs, help, exit codes."""

import errno
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from seehear import __version__, cli
from seehear.errors import MediaError


def fake_verb(monkeypatch, function):
    """Make ``seehear info`` call ``function``."""
    monkeypatch.setattr(cli, "_function", lambda verb: function)


def raising(error):
    def verb() -> None:
        """Fails."""
        raise error

    return verb


def test_help_answers_without_importing_anything_heavy():
    listed = "import sys; from seehear.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    for heavy in ("torch", "cv2", "av", "matplotlib", "numpy", "jsonargparse", "rich"):
        assert f"'{heavy}'" not in done.stderr
    for name, verb in cli.VERBS.items():
        assert name in done.stdout
        assert verb.example in done.stdout


def test_module_runs_as_the_command_does():
    done = subprocess.run([sys.executable, "-m", "seehear", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"seehear {__version__}\n"


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help_for_every_flag(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([*verb.split(), "--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert cli.VERBS[verb].example in " ".join(said.split())
    without_help = [action.dest for action in cli.parser_of(verb)._actions if action.option_strings and not action.help]
    assert without_help == []


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_example_is_accepted_by_its_parser(verb):
    told, words = cli.split_verb(cli.VERBS[verb].example.split()[1:])
    assert told == verb
    cli.parser_of(verb, words).parse_args([cli._normalise_flag(word) for word in words])


@pytest.mark.parametrize("words", [["evaluate"], ["evaluate", "--help"]])
def test_a_family_of_verbs_lists_its_members(words, capsys):
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert [name in said for name in ("evaluate sync", "evaluate emotion", "evaluate words")] == [True] * 3
    assert "avatars" not in said


def test_an_unknown_member_of_a_family_is_a_sentence(capsys):
    assert cli.main(["evaluate", "telepathy", "run"]) == 2
    assert "there is no verb 'evaluate telepathy'; the verbs are evaluate sync," in capsys.readouterr().err


def test_flags_of_the_model_are_those_of_the_preset(capsys):
    for preset, own, other in (
        ("animate-small", "--model.alpha", "--model.loss"),
        ("sync-base", "--model.loss", "--model.alpha"),
    ):
        with pytest.raises(SystemExit):
            cli.main(
                ["pretrain", "c", "r", "--preset", preset, own, "multiway" if own.endswith("loss") else "1", "--help"]
            )
        said = capsys.readouterr().out
        assert own in said
        assert other not in said


def test_a_preset_of_another_pretext_is_a_sentence(capsys):
    assert cli.main(["pretrain", "c", "r", "--preset", "sync-base", "--model.pretext", "animate"]) == 2
    assert "the preset sync-base is for sync" in capsys.readouterr().err


def test_an_unknown_verb_is_a_sentence(capsys):
    assert cli.main(["synch"]) == 2
    assert "there is no verb 'synch'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.mp4", "--fixx", "y.mp4"], "--fixx"),
        (["x.mp4", "--search-s", "soon"], "--search_s"),
        (["x.mp4", "--faces", "all"], "whole-frame"),
        ([], "files"),
    ],
)
def test_a_wrong_flag_is_one_sentence(capsys, words, said):
    with pytest.raises(SystemExit) as stop:
        cli.main(["sync", *words])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


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
def test_flags_go_over_yaml_over_preset_over_defaults(tmp_path, monkeypatch, words, steps, lr):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("optim: {steps: 40, lr: 0.25}")
    (tmp_path / "over.yaml").write_text("optim: {steps: 60}")
    parser = cli.parser_of("pretrain", words)
    chosen = parser.instantiate(cli._parse(parser, ["corpus", "run", *words]))
    assert (chosen.optim.steps, chosen.optim.lr) == (steps, lr)
    assert [str(path) for path in chosen.corpus] == ["corpus"]


def test_a_preset_may_hold_encoder_options(tmp_path, monkeypatch):
    from seehear.training import pretrain

    (tmp_path / "mine.yaml").write_text("model: {lips: {channels: [8, 8], dim: 8}, pictures: {flip: 0.0}}")
    chosen = []
    monkeypatch.setattr(pretrain, "_finished", lambda out, told: chosen.append(told["model"]) or "done before")
    assert cli.main(["pretrain", "corpus", "run", "--preset", str(tmp_path / "mine.yaml")]) == 0
    assert chosen[0]["lips"] == {"channels": [8, 8], "dim": 8}
    assert chosen[0]["pictures"]["flip"] == 0.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pretrain c r --optim.steps 0", "optim.steps must be 1 or more"),
        ("pretrain c r --optim.ema 2", "optim.ema must be 0 or more and less than 1"),
        ("pretrain c r --data.batch 0", "data.batch must be 1 or more"),
        ("pretrain c r --data.dev-every 1", "data.dev_every must be 2 or more"),
        ("pretrain c r --engine.log_every 0", "engine.log_every must be 1 or more"),
        ("pretrain c r --model.exclude -1", "model.exclude must be 0 or more"),
        ("pretrain c r --model.loss separate --model.similarity inverse-euclidean", "model.loss separate needs"),
        ("avatars o --seed -1", "seed must be 0 or more"),
        ("avatars o --clips 0", "at least one clip"),
        ("prepare v c --shard-clips 0", "shard_clips must be 1 or more"),
    ],
)
def test_a_number_that_means_nothing_is_one_sentence(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    try:
        code = cli.main(words.split())
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MediaError("talk.mp4 is not a film"), "seehear: talk.mp4 is not a film\n"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out.mp4"), "the disk is full"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "out.mp4"), "out.mp4 may not be read or written"),
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "gone.mp4"), "gone.mp4 does not exist"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_exit_2(monkeypatch, capsys, error, said):
    fake_verb(monkeypatch, raising(error))
    assert cli.main(["info"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_an_interrupt_is_130_and_a_sentence(monkeypatch, capsys):
    fake_verb(monkeypatch, raising(KeyboardInterrupt()))
    assert cli.main(["info"]) == 130
    said = capsys.readouterr().err
    assert "interrupted" in said
    assert "benchmark" in said


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError(errno.EIO, "broken")])
def test_a_bug_keeps_its_traceback(monkeypatch, error):
    fake_verb(monkeypatch, raising(error))
    with pytest.raises(type(error)):
        cli.main(["info"])


def test_a_pipe_of_its_own_that_breaks_is_a_bug_not_a_reader_who_left(monkeypatch):
    def broken():
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(cli, "_function", lambda verb: broken)
    with pytest.raises(BrokenPipeError):
        cli.main(["info"])


def test_a_reader_who_has_seen_enough_ends_it_quietly():
    program = (
        "import sys; from seehear import cli; cli._function = lambda verb: lambda: print('x' * 10**6); "
        "sys.exit(cli.main(['info']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (cli.PIPE_CLOSED, b"")


def test_lists_switches_and_both_spellings(monkeypatch):
    got = {}

    def verb(sources: list[str], out: str, *, dry_run: bool = False, long_side: int = 3) -> int:
        """Takes things.

        Args:
            sources: From.
            out: To.
            dry_run: Only say.
            long_side: Size.
        """
        got.update(sources=sources, out=out, dry_run=dry_run, long_side=long_side)
        return 7

    fake_verb(monkeypatch, verb)
    assert cli.main(["info", "a", "b", "c", "--dry-run", "--long-side=5"]) == 7
    assert got == {"sources": ["a", "b"], "out": "c", "dry_run": True, "long_side": 5}
    assert cli.main(["info", "a", "c", "--long_side", "4"]) == 7
    assert got == {"sources": ["a"], "out": "c", "dry_run": False, "long_side": 4}


@pytest.mark.parametrize(
    ("words", "got"),
    [
        (["--set", "a", "--set", "b"], {"set": ["a", "b"]}),
        (["--set=a", "--top", "1", "--set", "b", "c", "--top=2"], {"set": ["a", "b", "c"], "top": 2}),
        (["--snr-db", "-5", "--set", "a", "--snr-db", "-10", "0"], {"set": ["a"], "snr_db": [-5.0, -10.0, 0.0]}),
        (["--set", "a", "--json", "--set"], {"set": ["a"], "json": True}),
    ],
)
def test_a_flag_that_takes_several_may_be_given_again(monkeypatch, words, got):
    told = {}

    def verb(
        place: str, *, set: Sequence[str] = (), snr_db: Sequence[float] = (20.0,), top: int = 0, json: bool = False
    ) -> None:
        """Takes things.

        Args:
            place: Where.
            set: Several.
            snr_db: Several numbers.
            top: One.
            json: Or not.
        """
        told.update(place=place, set=set, snr_db=snr_db, top=top, json=json)

    fake_verb(monkeypatch, verb)
    assert cli.main(["info", "here", *words]) == 0
    assert told == {"place": "here", "set": [], "snr_db": [20.0], "top": 0, "json": False} | got
