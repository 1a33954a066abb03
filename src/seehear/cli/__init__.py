"""`main`: choose a verb, run it, exit codes, what breaks, names that are not UTF-8.

Nothing heavy is imported before a verb is chosen, so that ``seehear --help`` answers at once.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args, get_origin, get_type_hints

from seehear.atomic_io import ENCODING_ERRORS
from seehear.errors import SeehearError, Stopped, as_user_error
from seehear.machine import configure_threads
from seehear.version import __version__

if TYPE_CHECKING:
    from inspect import Parameter

    from jsonargparse import ArgumentParser, Namespace


BAD_INPUT = 2


INTERRUPTED = 130  # 128 + SIGINT, as shells have it


PIPE_CLOSED = 141  # 128 + SIGPIPE


SURROGATE = re.compile("[\udc80-\udcff]")
"""Bytes of a name that is not UTF-8, as Python has them."""


SURROGATE_OFFSET = 0xF780 - 0xDC80
"""From these to letters for private use, which stand in for them while words are parsed."""


RESUMABLE = "get, prepare, pretrain, adapt, benchmark, recipe and demo"
"""What a user may have interrupted without losing work."""


@dataclass(frozen=True)
class Verb:
    """One word of the command line.

    Attributes:
        function: ``module:name`` of what it calls; a number that it returns is the exit code, else it is printed.
        summary: one line for ``seehear --help``.
        example: one real command.
        shaped: ``module:name`` of what says, from the words of the command line, which types (and defaults) some of
            the function's parameters have: those whose flags depend on others.
    """

    function: str
    summary: str
    example: str
    shaped: str | None = None


VERBS = {
    "sync": Verb(
        "seehear.apps.sync.fix:sync",
        "is the sound in sync with the lips, by how much not, and fix it",
        "seehear sync talk.mp4 --fix talk-in-sync.mp4",
    ),
    "speaking": Verb(
        "seehear.apps.diarization.diarize:diarize",
        "which of the faces speaks when, and who it is",
        "seehear speaking panel.mp4 --video who-speaks.mp4",
    ),
    "verify": Verb(
        "seehear.apps.verify:verify",
        "is it the same voice in two recordings",
        "seehear verify monday.wav tuesday.wav",
    ),
    "match": Verb(
        "seehear.apps.match:match",
        "which face goes with a voice, and which voice with a face",
        "seehear match voice.wav anna.jpg ben.jpg carla.jpg",
    ),
    "curate": Verb(
        "seehear.apps.curate:curate",
        "keep of videos what a data set wants: one face, speaking, in sync",
        "seehear curate raw/ clean/",
    ),
    "animate": Verb(
        "seehear.apps.animate:animate",
        "make a still face say what is heard",
        "seehear animate face.png speech.wav -o talking.mp4",
    ),
    "embed": Verb(
        "seehear.apps.embed:embed",
        "write what an encoder of speech makes of sound, 25 features a second",
        "seehear embed run/ talk.mp4 word.wav -o features.parquet",
    ),
    "prepare": Verb(
        "seehear.data.prepare:prepare",
        "turn videos into a corpus of face clips with their sound",
        "seehear prepare videos/ corpus/",
    ),
    "get": Verb(
        "seehear.data.get:download_dataset",
        "fetch a data set that is openly licensed, its terms shown first",
        "seehear get fsdd data/fsdd/",
    ),
    "info": Verb(
        "seehear.data.report:corpus_info",
        "say what is in a corpus",
        "seehear info corpus/",
    ),
    "avatars": Verb(
        "seehear.avatars.make:synthesize_avatars",
        "make videos of synthetic talking people, with labels",
        "seehear avatars people/ --clips 500 --speakers 100 --seed 1",
    ),
    "pretrain": Verb(
        "seehear.training.pretrain:pretrain",
        "learn from a corpus without labels",
        "seehear pretrain corpus/ run/ --preset animate-small",
        shaped="seehear.training.settings:pretrain_arguments",
    ),
    "adapt": Verb(
        "seehear.apps.adapt.adapt:adapt",
        "train a model further on your own videos, and measure what that gained",
        "seehear adapt videos/ -o adapted/",
    ),
    "evaluate sync": Verb(
        "seehear.evaluation.sync:evaluate_sync",
        "does a model find the moment of the sound that belongs to the lips",
        "seehear evaluate sync run/ corpus/",
    ),
    "evaluate animate": Verb(
        "seehear.evaluation.animate:evaluate_animate",
        "how like the real pictures are those that a model draws",
        "seehear evaluate animate run/ corpus/ --sync sync-small",
    ),
    "evaluate emotion": Verb(
        "seehear.evaluation.emotion:evaluate_emotion",
        "what is an encoder worth for telling emotions from speech",
        "seehear evaluate emotion run/ corpus/",
    ),
    "evaluate words": Verb(
        "seehear.evaluation.words:evaluate_words",
        "what is it worth for telling isolated words",
        "seehear evaluate words run/ fsdd/",
    ),
    "evaluate transcription": Verb(
        "seehear.evaluation.transcription:evaluate_transcription",
        "what is it worth for writing down sentences",
        "seehear evaluate transcription run/ corpus/",
    ),
    "evaluate affect": Verb(
        "seehear.evaluation.affect:evaluate_affect",
        "what is it worth for following valence and arousal",
        "seehear evaluate affect run/ corpus/",
    ),
    "evaluate speaker": Verb(
        "seehear.evaluation.speaker.verification:evaluate_speaker",
        "what is it worth for telling whether two recordings are of one speaker",
        "seehear evaluate speaker run/ corpus/",
    ),
    "evaluate identification": Verb(
        "seehear.evaluation.speaker.identification:evaluate_identification",
        "what is it worth for naming the speaker",
        "seehear evaluate identification run/ corpus/",
    ),
    "evaluate facevoice": Verb(
        "seehear.evaluation.speaker.facevoice:evaluate_facevoice",
        "does a model know which face goes with which voice",
        "seehear evaluate facevoice run/ corpus/",
    ),
    "evaluate lips": Verb(
        "seehear.evaluation.lips:evaluate_lips",
        "what are lip features worth for reading words off the lips",
        "seehear evaluate lips run/ corpus/",
    ),
    "benchmark": Verb(
        "seehear.benchmark.run:benchmark",
        "whole tables of pretexts, losses, encoders, tasks and seeds, as the papers have them",
        "seehear benchmark mini --out mini/",
    ),
    "recipe": Verb(
        "seehear.recipes.run:recipe",
        "fetch data, prepare, pretrain and evaluate for a table of the papers, on a GPU",
        "seehear recipe open-data --out open-data/ --dry-run",
        shaped="seehear.recipes.run:optional_name",
    ),
    "import-syncnet": Verb(
        "seehear.apps.import_syncnet:import_syncnet",
        "turn published SyncNet weights into a model for every tool here",
        "seehear import-syncnet syncnet_v2.model -o syncnet/",
    ),
    "demo": Verb(
        "seehear.demo.tour:demo",
        "all of it on synthetic people in nine minutes, with a report",
        "seehear demo --out demo/",
    ),
}
"""In the order of the help. A verb of two words is one of a family: its first word alone lists them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: words after ``seehear``; by default those of this process.

    Returns:
        0 when it was done, 2 for bad input (one sentence on the error stream), 130 when interrupted. Anything else
        that goes wrong is a bug and keeps its traceback.
    """
    configure_threads()
    for stream in (sys.stdout, sys.stderr):  # names of files need not be UTF-8
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ENCODING_ERRORS)
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        return _print(help_text())
    if words[0] == "--version":
        return _print(f"seehear {__version__}")
    family = {name: verb for name, verb in VERBS.items() if name.startswith(f"{words[0]} ")}
    if family and (not words[1:] or words[1] in ("-h", "--help")):
        return _print(help_text(family))
    verb, rest = split_verb(words)
    if verb not in VERBS:
        there_are = ", ".join(family or VERBS)
        return _print_error(f"there is no verb {verb!r}; the verbs are {there_are} (seehear --help)")
    try:
        return _run(verb, rest)
    except SeehearError as error:
        return _print_error(str(error))
    except Stopped as stopped:
        _print_error(str(stopped))
        return 128 + stopped.signal_number
    except KeyboardInterrupt:
        _print_error(f"interrupted; {RESUMABLE} go on from here when the same command is given again")
        return INTERRUPTED
    except OSError as refusal:
        if isinstance(refusal, BrokenPipeError) and _reader_gone():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        sentence = as_user_error(refusal)
        if sentence is None:
            raise
        return _print_error(str(sentence))


def split_verb(words: Sequence[str]) -> tuple[str, list[str]]:
    """The verb, of one word or of two, and what follows it."""
    count = 2 if any(name.startswith(f"{words[0]} ") for name in VERBS) else 1
    return " ".join(words[:count]), list(words[count:])


def help_text(verbs: Mapping[str, Verb] = VERBS) -> str:
    """The text of ``seehear --help``: every verb with a real example."""
    width = max(map(len, verbs))
    lines = [
        "seehear: learn from talking faces and their sound, and use it",
        "",
        "usage: seehear VERB ... [--config FILE.yaml]",
        "",
    ]
    for name, verb in verbs.items():
        lines += [f"  {name:<{width}}  {verb.summary}", f"  {'':<{width}}    $ {verb.example}"]
    return "\n".join(
        [*lines, "", "seehear VERB --help lists a verb's flags; every flag is also a key of its YAML file."]
    )


def parser_of(verb: str, words: Sequence[str] = ()) -> ArgumentParser:
    """The parser that a verb's function gives: required parameters by position, the rest as flags.

    Args:
        verb: one of `VERBS`.
        words: what follows it, where its flags depend on that.
    """
    return _parser(verb, _function(verb), words)


def _run(verb: str, words: list[str]) -> int:
    odd_bytes = any(SURROGATE.search(word) for word in words)
    dashed = [word for word in words if word.startswith("-") and os.access(word, os.F_OK)]
    function, words = _function(verb), [_without_surrogates(word) for word in _normalise_flags(words)]
    parser = _parser(verb, function, words, dashed)
    arguments = _parse(parser, _merge_repeated_flags(parser, words))
    try:
        arguments = parser.instantiate(arguments)
    except ValueError as error:  # an option that its section refuses
        parser.error(str(error))
    arguments.pop("config", None)
    given = vars(arguments)
    if odd_bytes:
        given = {name: _with_surrogates(value) for name, value in given.items()}
    outcome = function(**given)
    if isinstance(outcome, int):
        return outcome
    return 0 if outcome is None else _print(_to_text(outcome))


def _parse(parser: ArgumentParser, words: list[str]) -> Namespace:
    """Flags over a YAML file over a preset over the defaults."""
    arguments = parser.parse_args(words)
    if "preset" in arguments:
        from seehear.training.settings import read_settings

        parser.set_defaults(read_settings(arguments.preset).flags())
        arguments = parser.parse_args(words)
    return arguments


def _merge_repeated_flags(parser: ArgumentParser, words: Sequence[str]) -> list[str]:
    """``--set A --set B`` as ``--set A B``: of a flag that takes several, none is dropped for being given again."""
    several = {flag for action in parser._actions if action.nargs in ("*", "+") for flag in action.option_strings}
    kept: list[list[str]] = [[]]  # a flag with what follows it, each
    end = words.index("--") if "--" in words else len(words)
    for word in words[:end]:
        flag, equals, value = word.partition("=")
        if flag in several:
            kept.append([flag, *([value] if equals else [])])
        elif _is_flag(word):
            kept.append([word])
        else:
            kept[-1].append(word)
    first: dict[str, list[str]] = {}
    for group in kept:
        if group and group[0] in several and first.setdefault(group[0], group) is not group:
            first[group[0]] += group[1:]
            group.clear()
    return [*(word for group in kept for word in group), *words[end:]]


def _is_flag(word: str) -> bool:
    """Whether it is no value: ``-5`` is one."""
    return bool(re.match(r"-[^\d.]|--", word))


def _to_text(outcome: object) -> str:
    """What a verb's function returned, for the user."""
    if isinstance(outcome, list):
        return f"{len(outcome)} files written"
    sentence = getattr(outcome, "sentence", None)
    return str(sentence() if sentence else outcome)


def _function(verb: str) -> Callable[..., object]:
    return _import_object(VERBS[verb].function)


def _import_object(place: str) -> Callable[..., Any]:
    """What ``module:name`` names."""
    module, name = place.split(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _parser(
    verb: str, function: Callable[..., Any], words: Sequence[str], dashed: Sequence[str] = ()
) -> ArgumentParser:
    """The parser of a verb; of words that are names of files and look like flags, its errors tell how to write them."""
    from inspect import signature

    from docstring_parser import parse
    from jsonargparse import ArgumentParser

    class Parser(ArgumentParser):
        def format_help(self, *given: Any) -> str:
            return re.sub(r"--[a-z][a-z0-9_.]*", lambda flag: flag[0].replace("_", "-"), super().format_help(*given))

        def error(self, message: str, ex: Exception | None = None) -> NoReturn:
            said = re.sub(r'Parser key "([\w.]+)"', r"--\1", " ".join(message.split()))
            way_out = f"the file {dashed[0]} is given as ./{dashed[0]}" if dashed else ""
            way_out = way_out or f"seehear {verb} --help lists the flags"
            self.exit(BAD_INPUT, f"seehear: {said} ({way_out})\n")

    text = parse(function.__doc__ or "")
    parser = Parser(prog=f"seehear {verb}", description=text.description, epilog=f"Example: {VERBS[verb].example}")
    parser.add_argument("--config", action="config", help="YAML file with any of the flags below as keys.")
    helps = {entry.arg_name: entry.description for entry in text.params}
    hints = get_type_hints(function)
    place = VERBS[verb].shaped
    shaped: Mapping[str, dict[str, Any]] = _import_object(place)(words) if place else {}
    ours: set[str | int] = set()
    for name, parameter in signature(function).parameters.items():
        if settings := shaped.get(name) or _argument_settings(parameter, hints[name]):
            parser.add_argument(*_flags(parameter), help=helps.get(name), **settings)
            ours.add(name)
    parser.add_function_arguments(function, as_group=False, as_positional=True, skip=ours)
    return parser


def _argument_settings(parameter: Parameter, hint: Any) -> dict[str, Any] | None:
    """What jsonargparse would make awkward: lists by position, switches that want a value, flags that are required."""
    required = parameter.default is parameter.empty
    if parameter.name == "out" and parameter.kind is parameter.KEYWORD_ONLY:
        return {"type": hint, "required": True} if required else {"type": hint, "default": parameter.default}
    if get_origin(hint) in (list, Sequence):
        several = {"nargs": "+" if required else "*", "type": get_args(hint)[0]}
        return several if required else several | {"default": list(parameter.default)}
    if required:
        return {"type": hint}  # here, so that positions are in the order of the signature
    if hint is bool and parameter.default is False:
        return {"action": "store_true"}
    return None


def _flags(parameter: Parameter) -> tuple[str, ...]:
    """What it is called on the command line: its name where it has a position; ``-o`` too where it says where to."""
    if parameter.kind is parameter.KEYWORD_ONLY and parameter.name == "out":
        return "-o", "--out"
    return (parameter.name if parameter.default is parameter.empty else f"--{parameter.name}",)


def _without_surrogates(word: str) -> str:
    """A word that is not UTF-8, with letters in the place of odd bytes: no YAML, and so no parser, takes surrogates."""
    return SURROGATE.sub(lambda byte: chr(ord(byte[0]) + SURROGATE_OFFSET), word)


def _with_surrogates(value: Any) -> Any:
    """What was given, its odd bytes as Python has them in the names of files."""
    if isinstance(value, list):
        return [_with_surrogates(item) for item in value]
    if not isinstance(value, str | Path):
        return value
    name = re.sub(
        f"[{chr(0xDC80 + SURROGATE_OFFSET)}-{chr(0xDCFF + SURROGATE_OFFSET)}]",
        lambda letter: chr(ord(letter[0]) - SURROGATE_OFFSET),
        str(value),
    )
    return type(value)(name)


def _normalise_flags(words: Sequence[str]) -> list[str]:
    """`_normalise_flag` up to ``--``, after which everything is a value."""
    end = list(words).index("--") if "--" in words else len(words)
    return [_normalise_flag(word) if place < end else word for place, word in enumerate(words)]


def _normalise_flag(word: str) -> str:
    """``--search-s=2`` means ``--search_s=2``: both spellings of a flag are understood."""
    if not word.startswith("--"):
        return word
    flag, equals, value = word.partition("=")
    return flag[:2] + flag[2:].replace("-", "_") + equals + value


def _print(text: str) -> int:
    print(text)  # noqa: T201
    return 0


def _reader_gone() -> bool:
    """Whether the output is a pipe whose reader has seen enough and left, as `head` does."""
    from select import POLLERR, POLLHUP, poll

    output = poll()
    try:
        output.register(sys.stdout, 0)  # errors are always told
    except (OSError, ValueError):  # not a file of the operating system
        return False
    return any(event & (POLLERR | POLLHUP) for _, event in output.poll(0))


def _print_error(sentence: str) -> int:
    print(f"seehear: {sentence}", file=sys.stderr)  # noqa: T201
    return BAD_INPUT
