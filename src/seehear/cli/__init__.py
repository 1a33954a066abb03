"""The command line: choose a verb, run it, and return an exit code.

Nothing slow is imported before a verb is chosen, so that ``seehear --help`` is fast.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.atomic_io import ENCODING_ERRORS
from seehear.cli.verbs import VERBS, Verb, add_plugin_tasks, family, help_text, split_verb
from seehear.errors import SeehearError, Stopped, as_user_error
from seehear.machine import configure_threads
from seehear.version import __version__

if TYPE_CHECKING:
    from seehear.cli.parser import Parser

__all__ = ["BAD_INPUT", "INTERRUPTED", "PIPE_CLOSED", "VERBS", "Verb", "help_text", "main", "parser_of", "split_verb"]

BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
PIPE_CLOSED = 141  # 128 + SIGPIPE

SURROGATE = re.compile("[\udc80-\udcff]")
"""Bytes of a name that is not UTF-8, as Python represents them."""

SURROGATE_OFFSET = 0xF780 - 0xDC80
"""Offset from surrogates to private-use characters, which replace them during parsing: YAML rejects surrogates."""

REPLACEMENT = re.compile(f"[{chr(0xDC80 + SURROGATE_OFFSET)}-{chr(0xDCFF + SURROGATE_OFFSET)}]")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: words after ``seehear``; by default those of this process

    Returns:
        0 on success, 2 for bad input (with one sentence on the error stream), 130 if interrupted, 128 + n if stopped by
        signal n with its work saved, 141 if the output is a closed pipe. Any other error is a bug and keeps its
        traceback.
    """
    configure_threads()
    for stream in (sys.stdout, sys.stderr):  # file names need not be UTF-8
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ENCODING_ERRORS)
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("evaluate", "-h", "--help", "help"):
        add_plugin_tasks()
    if not words or words[0] in ("-h", "--help", "help"):
        return _print(help_text())
    if words[0] == "--version":
        return _print(f"seehear {__version__}")
    members = family(words[0])
    if members and (not words[1:] or words[1] in ("-h", "--help")):
        return _print(help_text(members))
    verb, rest = split_verb(words)
    if verb not in VERBS:
        return _print_error(_unknown(verb, members))
    try:
        return _run(verb, rest)
    except SeehearError as error:
        return _print_error(str(error))
    except Stopped as stop:
        _print_error(str(stop))
        return 128 + stop.signal_number
    except KeyboardInterrupt:
        _print_error(f"interrupted{_how_to_resume(verb)}")
        return INTERRUPTED
    except OSError as refusal:
        if isinstance(refusal, BrokenPipeError) and _reader_gone():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return PIPE_CLOSED
        sentence = as_user_error(refusal)
        if sentence is None:
            raise
        return _print_error(str(sentence))


def parser_of(verb: str, words: Sequence[str] = ()) -> Parser:
    """Return the parser of a verb.

    Args:
        verb: one of `VERBS`
        words: the words after it, if its flags depend on them
    """
    from seehear.cli import parser

    return parser.parser_of(verb, VERBS[verb], words)


def _run(verb: str, words: list[str]) -> int:
    from seehear.cli.parser import parse

    entry = VERBS[verb]
    command = parse(verb, entry, [_without_surrogates(word) for word in words])
    if any(SURROGATE.search(word) for word in words):
        command = replace(
            command,
            arguments=_with_surrogates(command.arguments),
            outputs=_with_surrogates(command.outputs),
        )
    from seehear.cli.output import run  # after the parser, which may only show the help

    return run(verb, entry, command)


def _unknown(verb: str, members: Mapping[str, Verb]) -> str:
    """Return the message for an unknown verb."""
    from seehear.cli.parser import OLD_VERBS

    if verb in OLD_VERBS:
        return f"{verb} is {OLD_VERBS[verb]} now: {VERBS[OLD_VERBS[verb]].example}"
    return f"there is no verb {verb!r}; the verbs are {', '.join(members or VERBS)} (seehear --help)"


def _how_to_resume(verb: str) -> str:
    return "; it goes on from here when the same command is given again" if VERBS[verb].resumable else ""


def _without_surrogates(word: str) -> str:
    return SURROGATE.sub(lambda byte: chr(ord(byte[0]) + SURROGATE_OFFSET), word)


def _with_surrogates(value: Any) -> Any:
    """Restore the surrogates in values."""
    if isinstance(value, list):
        return [_with_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {name: _with_surrogates(item) for name, item in value.items()}
    if not isinstance(value, str | Path):
        return value
    return type(value)(REPLACEMENT.sub(lambda letter: chr(ord(letter[0]) - SURROGATE_OFFSET), str(value)))


def _print(text: str) -> int:
    print(text)
    return 0


def _print_error(sentence: str) -> int:
    print(f"seehear: {sentence}", file=sys.stderr)
    return BAD_INPUT


def _reader_gone() -> bool:
    """Whether the output is a pipe whose reader has closed it, like `head`."""
    from select import POLLERR, POLLHUP, poll

    output = poll()
    try:
        output.register(sys.stdout, 0)  # errors are always reported
    except (OSError, ValueError):  # not a file of the operating system
        return False
    return any(event & (POLLERR | POLLHUP) for _, event in output.poll(0))
