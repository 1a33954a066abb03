"""Results onto the terminal and into files: tables or JSON, a line each for many, progress, the exit code."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from seehear.atomic_io import write_csv, write_text
from seehear.cli.parser import BAD_INPUT, Command, import_object
from seehear.cli.progress import ProgressDisplay
from seehear.cli.verbs import Function, Verb, Writer
from seehear.errors import SeehearError, check_writable, os_errors_as_user_errors
from seehear.results import Result, print_block

YES = ("y", "yes")


def run(verb: str, entry: Verb, command: Command) -> int:
    """Call a verb's function and show its results.

    Args:
        verb: its name, for the progress bar.
        entry: what the table says of it.
        command: the call.

    Returns:
        0 when every result is good, 2 when one is not: its sentence is on the error stream.

    Raises:
        SeehearError: what the function refuses, or a file that a writer cannot write.
    """
    check_outputs(entry, command)
    while True:
        try:
            results = _show_results(verb, entry, command)
            break
        except SeehearError as refusal:
            command = replace(command, arguments=command.arguments | _accepted_terms(refusal, entry, command))
    for name, path in command.outputs.items():
        with os_errors_as_user_errors(path):
            _write(entry.writers[name], path, results)
    return BAD_INPUT if any(result.problems for result in results) else 0


def check_outputs(entry: Verb, command: Command) -> None:
    """Refuse files that cannot be written, before anything long begins.

    Raises:
        SeehearError: such a file.
    """
    inputs = [path for value in command.arguments.values() for path in _paths(value)]
    for name, path in command.outputs.items():
        writer, flag = entry.writers[name], f"--{name.replace('_', '-')}"
        if writer.takes_one and len(inputs) > 1 and command.several:
            raise SeehearError(f"{flag} takes one file; give one file, or leave {flag} out")
        if writer.suffixes and path.suffix.lower() not in writer.suffixes:
            raise SeehearError(f"{flag} {path} needs a name that ends in {writer.suffixes[0]}")
        check_writable(path, flag)
        if any(path.exists() and source.exists() and path.samefile(source) for source in inputs):
            raise SeehearError(f"{flag} {path} is a file that is read; give another name")
        stems = Counter(source.stem for source in inputs)
        if writer.distinct_names and (twice := [stem for stem, count in stems.items() if count > 1]):
            raise SeehearError(
                f"{flag} identifies files by name, and several are called {twice[0]}; rename all but one"
            )


def _paths(value: object) -> Iterator[Path]:
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, Path):
            yield item


def _show_results(verb: str, entry: Verb, command: Command) -> list[Result]:
    """Call the function, print what it returns as it comes, and give all results."""
    stdout, results, texts = sys.stdout, [], []
    with ProgressDisplay(verb, log=entry.logs_progress) as display:
        progress = {"progress": display} if "progress" in signature(command.function).parameters else {}
        value = command.function(**command.arguments, **progress)
        if isinstance(value, Iterator):
            blocks = not command.several
            for result in value:
                results.append(result)
                if command.json:
                    _print_json(_stream(stdout), result, command.json_options)
                elif not blocks:
                    text = result.line()
                    texts.append(text.plain)
                    _console(_stream(stdout)).print(text, soft_wrap=True)
    if not isinstance(value, Iterator):
        blocks = True
        if not isinstance(value, Result):
            return _print_other(value, command)
        results.append(value)
        if command.json:
            _print_json(stdout, value, command.json_options)
    if not command.json:
        for result in results if blocks else ():
            _print_block(result)
        if entry.closing and not blocks:
            _console(stdout).print(import_object(entry.closing)(results), style="dim", soft_wrap=True)
    _print_failures(results, "\n".join(texts))
    return results


def _print_other(value: object, command: Command) -> list[Result]:
    """Print what is no result: nothing, or values."""
    if command.json and is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if value is not None:
        print(json.dumps(value, ensure_ascii=False) if command.json else value)
    return []


def _print_json(stream: TextIO, result: Result, options: Mapping[str, bool]) -> None:
    print(json.dumps(result.to_dict(**options), ensure_ascii=False), file=stream, flush=True)


def _print_block(result: Result) -> None:
    """All of a result, unless there is nothing but its error."""
    if result.ok or result.partial:
        print_block(_console(sys.stdout), result.__rich__())


def _print_failures(results: Sequence[Result], printed: str) -> None:
    """What went wrong on the error stream, each once and only if it is not among the lines already."""
    for sentence in dict.fromkeys(problem for result in results for problem in result.problems):
        if sentence not in printed:
            print_error(sentence)


def print_error(sentence: str) -> None:
    """A sentence on the error stream."""
    print(f"seehear: {sentence}", file=sys.stderr)


def _console(stream: TextIO) -> Console:
    return Console(highlight=False, file=stream)


def _stream(stdout: TextIO) -> TextIO:
    """Where results go while a progress bar is shown: above the bar on a terminal, else straight to the output."""
    return sys.stdout if stdout.isatty() else stdout


def _accepted_terms(refusal: SeehearError, entry: Verb, command: Command) -> dict[str, Any]:
    """Ask whether the terms of a data set are accepted; give the argument that says so.

    The refusal has the code "terms", and may have the attributes ``terms`` (the text) and ``name`` (of the data set,
    for functions that take the names of all whose terms are accepted).

    Raises:
        SeehearError: the refusal, where it is another one, nobody can be asked, or the answer is not yes.
    """
    if getattr(refusal, "code", None) != "terms" or entry.confirm is None or not sys.stdin.isatty():
        raise refusal
    before = command.arguments.get(entry.confirm)
    print(getattr(refusal, "terms", refusal), file=sys.stderr)
    print("Do you accept these terms? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in YES:
        raise refusal
    return {entry.confirm: [*before, getattr(refusal, "name", "")] if isinstance(before, list) else True}


def _write(writer: Writer, path: Path, results: Sequence[Result]) -> None:
    """Write results to a file; those that failed only into a CSV."""
    if writer.kind == "csv":
        write_csv(path, [result.to_row() for result in results], line_end="\r\n")
    good = [result for result in results if result.ok or result.partial]
    if writer.kind == "lines":
        write_text(path, "".join(f"{line}\n" for result in good for line in _call(writer.call, result)))
    for result in good if writer.takes_one else ():
        if writer.kind == "json":
            write_text(path, json.dumps(result.to_dict(), ensure_ascii=False) + "\n")
        else:
            _call(writer.call, result, path)


def _call(place: Function, result: Result, *arguments: Any) -> Any:
    """Call a method of the result by its name, or a function with the result."""
    if isinstance(place, str) and ":" not in place:
        return getattr(result, place)(*arguments)
    return import_object(place)(result, *arguments)
