"""Run a command: print results as tables, lines or JSON, write them to files, show progress, set the exit code."""

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
        verb: its name, for the progress bar
        entry: its entry in the table of verbs
        command: the call

    Returns:
        0 if all results are good, else 2, with messages on the error stream.

    Raises:
        SeehearError: raised by the function, or a file cannot be written
    """
    check_outputs(entry, command)
    while True:
        try:
            results = _show_results(verb, entry, command)
            break
        except SeehearError as error:
            command = replace(command, arguments=command.arguments | _accepted_terms(error, entry, command))
    for name, path in command.outputs.items():
        with os_errors_as_user_errors(path):
            _write(entry.writers[name], path, results)
    return BAD_INPUT if any(result.problems for result in results) else 0


def check_outputs(entry: Verb, command: Command) -> None:
    """Check that the output files can be written, before any long work.

    Raises:
        SeehearError: a file cannot be written
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
        if writer.distinct_names and (repeated := [stem for stem, count in stems.items() if count > 1]):
            raise SeehearError(
                f"{flag} identifies files by name, and several are called {repeated[0]}; rename all but one"
            )


def _paths(value: object) -> Iterator[Path]:
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, Path):
            yield item


def _show_results(verb: str, entry: Verb, command: Command) -> list[Result]:
    """Call the function, print results as they arrive, and return all of them."""
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
        if not _is_first_process():
            return []
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


def _is_first_process() -> bool:
    """Whether this is the first of the processes of a training, or there is only one."""
    distributed = sys.modules.get("torch.distributed")
    return not (distributed and distributed.is_available() and distributed.is_initialized() and distributed.get_rank())


def _print_other(value: object, command: Command) -> list[Result]:
    """Print a value that is not a `Result`; nothing for None."""
    if command.json and is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if value is not None:
        print(json.dumps(value, ensure_ascii=False) if command.json else value)
    return []


def _print_json(stream: TextIO, result: Result, options: Mapping[str, bool]) -> None:
    print(json.dumps(result.to_dict(**options), ensure_ascii=False), file=stream, flush=True)


def _print_block(result: Result) -> None:
    """Print a result in full, unless it is only an error."""
    if result.ok or result.partial:
        print_block(_console(sys.stdout), result.__rich__())


def _print_failures(results: Sequence[Result], printed: str) -> None:
    """Print each problem once to the error stream, unless a printed line contains it."""
    for sentence in dict.fromkeys(problem for result in results for problem in result.problems):
        if sentence not in printed:
            print_error(sentence)


def print_error(sentence: str) -> None:
    """Print a sentence to the error stream."""
    print(f"seehear: {sentence}", file=sys.stderr)


def _console(stream: TextIO) -> Console:
    return Console(highlight=False, file=stream)


def _stream(stdout: TextIO) -> TextIO:
    """Return the stream for results next to a progress bar: above the bar on a terminal, else the original output."""
    return sys.stdout if stdout.isatty() else stdout


def _accepted_terms(error: SeehearError, entry: Verb, command: Command) -> dict[str, Any]:
    """Ask the user to accept the terms of a data set; return the argument for the accepted terms.

    The error has the code "terms", and may have the attributes ``terms`` (the text) and ``name`` (the data set, for
    functions that take the names of all data sets with accepted terms).

    Raises:
        SeehearError: the error itself, if it has another code, there is no terminal, or the answer is not yes
    """
    if getattr(error, "code", None) != "terms" or entry.confirm is None or not sys.stdin.isatty():
        raise error
    before = command.arguments.get(entry.confirm)
    print(getattr(error, "terms", error), file=sys.stderr)
    print("Do you accept these terms? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in YES:
        raise error
    return {entry.confirm: [*before, getattr(error, "name", "")] if isinstance(before, list) else True}


def _write(writer: Writer, path: Path, results: Sequence[Result]) -> None:
    """Write results to a file; failed ones are only written to CSV."""
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
    """Call a method of the result by name, or a function with the result."""
    if isinstance(place, str) and ":" not in place:
        return getattr(result, place)(*arguments)
    return import_object(place)(result, *arguments)
