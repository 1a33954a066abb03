"""Parse a command line into a function call: the parser of each verb, error messages, and renamed flags."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import yaml
from docstring_parser import parse as parse_docstring
from jsonargparse import ArgumentParser, Namespace

from seehear.cli.flags import Flag, HelpFormatter, flags_of, plain, set_choices, show_values
from seehear.cli.verbs import Function, Verb
from seehear.plain_yaml import load_yaml

BAD_INPUT = 2

OLD_VERBS = {"speaking": "diarize"}

OLD_FLAGS = {
    "diarize": {"known": "enroll", "moments": "frames"},
    "verify": {"list": "pairs"},
    "match": {"drawn": "drawn-faces"},
    "animate": {"crop": "face-only"},
    "prepare": {"format": "dataset"},
    "curate": {"format": "dataset"},
    "get": {"accept": "accept-terms", "keep": "keep-archives", "part": "parts"},
    "avatars": {"side_by_side": "people-per-video", "speech": "recordings"},
    "evaluate": {
        "labels": "label-fraction",
        "target": "label",
        "readout": "probe",
        "against": "baselines",
        "format": "dataset",
    },
    "evaluate animate": {"sync": "sync-model"},
    "evaluate speaker": {"calibration": "write-calibration"},
    "benchmark": {"set": "option"},
    "recipe": {"set": "option", "without": "skip", "accept": "accept-terms"},
}
"""Verb (or the first word of a family) -> flag of earlier versions -> current flag."""


_NOT_A_CHOICE = re.compile(
    r"(?:Expected a |Does not validate against any of the Union subtypes Subtypes: \[)typing\.Literal\[([^\]]*)\]"
    r"(?:, <class 'NoneType'>\] Errors: .* Given value: |\. Got value: )(.*)$"
)
"""How jsonargparse reports a value that is not among the choices."""


@dataclass
class Command:
    """A parsed command.

    Attributes:
        function: function to call
        arguments: its arguments
        several: whether results are printed as lines, because there is not exactly one input file
        json: whether results are printed as JSON
        json_options: keyword arguments for ``to_dict`` of the results
        outputs: name of a writer -> path
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    several: bool = True
    json: bool = False
    json_options: dict[str, bool] = field(default_factory=dict)
    outputs: dict[str, Path] = field(default_factory=dict)


class Parser(ArgumentParser):
    """The parser of one verb, whose errors are one sentence each."""

    def __init__(self, verb: str, entry: Verb, words: Sequence[str], **given: Any) -> None:
        super().__init__(prog=f"seehear {verb}", formatter_class=HelpFormatter, allow_abbrev=False, **given)
        self.color = False  # Python 3.14 would colour the help
        self.verb, self.entry = verb, entry
        self.dashed_files = [word for word in words if word.startswith("-") and os.access(word, os.F_OK)]
        self.flags: list[Flag] = []

    def format_help(self, *given: Any) -> str:
        """Return the help, with dashes in flags."""
        for action in self._actions:
            action.required = action.required or (action.dest == "out" and self._needs_out())
        return re.sub(r"--[a-z][a-z0-9_.]*", lambda flag: flag[0].replace("_", "-"), super().format_help(*given))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Exit with one sentence, including a way out."""
        text = re.sub(r'Parser key "([\w.]+)"', r"--\1", " ".join(message.split()))
        text = _NOT_A_CHOICE.sub(lambda found: f"there is no {found[2]!r}; there are {found[1]}".replace("'", ""), text)
        extra = re.search(r"unrecognized arguments: ([^-]\S*)", text, re.IGNORECASE)
        if extra and any(flag.name == "out" for flag in self.flags):
            self.refuse(self._missing_out(Path(extra[1])))
        way_out = f"the file {self.dashed_files[0]} is given as ./{self.dashed_files[0]}" if self.dashed_files else ""
        self.refuse(f"{text} ({way_out or f'seehear {self.verb} --help lists the flags'})")

    def refuse(self, sentence: str) -> NoReturn:
        """Exit with this sentence."""
        self.exit(BAD_INPUT, f"seehear: {sentence}\n")

    def check_out(self, values: Mapping[str, Any]) -> None:
        """Check that ``--out`` is given; a last path that does not exist may be meant as the output."""
        if not self._needs_out() or values.get("out") is not None:
            return
        given: list[Any] = []
        for flag in self.flags:
            value = values.get(flag.name) if flag.positional else None
            given += value if isinstance(value, list) else [value]
        last = next((value for value in reversed(given) if value is not None), None)
        self.refuse(self._missing_out(last if isinstance(last, Path) and not last.exists() else None))

    def _needs_out(self) -> bool:
        return any(flag.name == "out" and flag.required for flag in self.flags)

    def _missing_out(self, extra: Path | None) -> str:
        if extra is None:
            said = "give what is to be written"
        elif extra.exists():
            said = f"{extra} is one path too many; give what is to be written"
        else:
            said = f"{extra} does not exist; if it is to be written, give it"
        return f"{said} with -o, as in: {self.entry.example}"


def parse(verb: str, entry: Verb, words: Sequence[str]) -> Command:
    """Parse the words of a command line.

    Args:
        verb: name of the verb
        entry: its entry in the table of verbs
        words: the words after the verb

    Raises:
        SystemExit: a flag is unknown or invalid, after a message; or the help was printed
    """
    parser = parser_of(verb, entry, words)
    words = normalise_flags(words)
    _check_flags(parser, words)
    parsed = parse_words(parser, words)
    parser.check_out(vars(parsed))
    try:
        values = vars(parser.instantiate(parsed))
        arguments = _arguments(parser.flags, values)
    except ValueError as error:  # the dataclass of an option rejects its value
        parser.error(str(error))
    lists = [values[flag.name] for flag in parser.flags if flag.positional and flag.takes_several]
    command = Command(_function(entry, words), arguments, not lists or any(len(items) != 1 for items in lists))
    command.json = values["json"]
    command.json_options = {name: True for name in entry.json_options if values[name]}
    command.outputs = {name: values[name] for name in entry.writers if values[name] is not None}
    if command.json_options and not command.json:
        parser.refuse(f"--{next(iter(command.json_options))} belongs to --json; give both")
    return command


def parser_of(verb: str, entry: Verb, words: Sequence[str] = ()) -> Parser:
    """Build the parser of a verb: required parameters are positional, the others flags.

    Args:
        verb: name of the verb
        entry: its entry in the table of verbs
        words: the words after the verb, if its flags depend on them
    """
    parser = _empty_parser(verb, entry, words)
    words = normalise_flags(words)
    chosen = _chosen_variant(entry, words)
    function = _function(entry, words)
    parser.flags = _flags(function, entry, words)
    for flag in parser.flags:
        flag.add_to(parser)
    if chosen and chosen not in (flag.name for flag in parser.flags):
        parser.add_argument(f"--{chosen}", action="store_true", help=entry.variants[chosen].help)
    _add_output_flags(parser, entry)
    if not chosen:
        _add_variants(parser, entry)
    hints = {flag.name: (flag.settings or {}).get("type", flag.type) for flag in parser.flags}
    set_choices(parser._actions, hints)
    for action in parser._actions:
        show_values(action)
    return parser


def parse_words(parser: Parser, words: Sequence[str]) -> Namespace:
    """Parse values; flags take precedence over a YAML file, over a preset, over defaults."""
    merged = _merge_repeated_flags(parser, words)
    values = parser.parse_args(merged)
    if "preset" in values:
        from seehear.training.settings import read_settings

        parser.set_defaults(read_settings(values.preset).flags())
        values = parser.parse_args(merged)
    return values


def import_object(place: Function) -> Callable[..., Any]:
    """Import the object given as ``module:name``."""
    if not isinstance(place, str):
        return place
    module, name = place.split(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def normalise_flags(words: Sequence[str]) -> list[str]:
    """Replace dashes in flags, as in ``--search-s=2``, by underscores. Everything after ``--`` is a value."""
    end = _end_of_flags(words)
    return [*map(_normalise_flag, words[:end]), *words[end:]]


def _normalise_flag(word: str) -> str:
    flag, equals, value = word.partition("=")
    return "--" + flag[2:].replace("-", "_") + equals + value if word.startswith("--") else word


def _end_of_flags(words: Sequence[str]) -> int:
    return list(words).index("--") if "--" in words else len(words)


def _empty_parser(verb: str, entry: Verb, words: Sequence[str]) -> Parser:
    about = entry.about or parse_docstring(import_object(entry.function).__doc__ or "").description or ""
    examples = [entry.example, *(variant.example for variant in entry.variants.values() if variant.example)]
    parser = Parser(verb, entry, words, description=plain(about), epilog=f"Example: {'; or '.join(examples)}")
    parser.add_argument("--config", action="config", help="YAML file with any of the flags below as keys")
    return parser


def _add_output_flags(parser: Parser, entry: Verb) -> None:
    """Add the flags that every verb has, for the output of results."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a line for each result instead")
    for name, about in entry.json_options.items():
        parser.add_argument(f"--{name}", action="store_true", help=about)
    for name, writer in entry.writers.items():
        Flag(name, Path | None, None, writer.help).add_to(parser)


def _add_variants(parser: Parser, entry: Verb) -> None:
    """Add the flags of the variants to the help."""
    known = {flag.name for flag in parser.flags}
    for name, variant in entry.variants.items():
        flags = _flags(import_object(variant.function), entry, ())
        if name not in (flag.name for flag in flags):
            parser.add_argument(f"--{name}", action="store_true", help=variant.help)
        group = parser.add_argument_group(f"with --{name}")
        for flag in flags:
            if flag.name not in known and not flag.positional:
                flag.optional().add_to(group)


def _function(entry: Verb, words: Sequence[str]) -> Callable[..., Any]:
    chosen = _chosen_variant(entry, words)
    return import_object(entry.variants[chosen].function if chosen else entry.function)


def _flags(function: Callable[..., Any], entry: Verb, words: Sequence[str]) -> list[Flag]:
    dynamic = import_object(entry.arguments)(words) if entry.arguments else {}
    return flags_of(function, entry.positionals, tuple(entry.variants), dynamic, entry.helps)


def _chosen_variant(entry: Verb, words: Sequence[str]) -> str | None:
    """Return the flag that selects a variant, from the command line or a YAML file."""
    if not entry.variants:
        return None
    given, configured = _flag_names(words), _configured(words)
    return next((name for name in entry.variants if name in given or configured.get(name)), None)


def _flag_names(words: Sequence[str]) -> list[str]:
    """Return the names of the given flags, up to ``--``."""
    flags = (word for word in words[: _end_of_flags(words)] if re.match(r"--|-o", word))
    return ["out" if not word.startswith("--") else word[2:].partition("=")[0] for word in flags]


def _configured(words: Sequence[str]) -> dict[str, Any]:
    """Read the YAML files of ``--config``, ignoring errors, which the parser reports."""
    values: dict[str, Any] = {}
    for word, following in zip(words, [*words[1:], ""], strict=False):
        flag, equals, value = word.partition("=")
        if flag == "--config":
            try:
                content = load_yaml(Path(value if equals else following).read_text(encoding="utf-8"))
            except (OSError, ValueError, yaml.YAMLError):
                continue
            values |= content if isinstance(content, dict) else {}
    return values


def _check_flags(parser: Parser, words: Sequence[str]) -> None:
    """Reject flags of earlier versions, and flags of a variant that is not selected."""
    given = _flag_names(words)
    if "help" in given or "-h" in words:
        return
    entry, own = parser.entry, {flag.name for flag in parser.flags}
    known = own | {spelling.lstrip("-") for action in parser._actions for spelling in action.option_strings}
    old = OLD_FLAGS.get(parser.verb.split()[0], {}) | OLD_FLAGS.get(parser.verb, {})
    for name in given:
        if name not in known and name in old:
            parser.refuse(f"--{name.replace('_', '-')} is --{old[name]} now")
    chosen = _chosen_variant(entry, words)
    if chosen and chosen not in own and any(word.startswith(f"--{chosen}=") for word in words):
        parser.refuse(f"--{chosen} takes no value; give what is to be written with -o, as in: {entry.example}")
    for name, variant in entry.variants.items() if not chosen else ():
        others = {flag.name for flag in _flags(import_object(variant.function), entry, ())} - own - set(entry.writers)
        for flag in given:
            if flag in others:
                parser.refuse(f"--{flag.replace('_', '-')} belongs to --{name}; give both")


def _arguments(flags: Iterable[Flag], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the function; flags of a flat dataclass are combined.

    Raises:
        ValueError: the dataclass rejects a value
    """
    arguments: dict[str, Any] = {}
    sections: dict[str, Any] = {}
    for flag in flags:
        value = values[flag.name]
        if flag.section is None:
            arguments[flag.name] = value
            continue
        section = sections.setdefault(flag.section, (flag.section_type, {}))
        section[1][flag.name] = tuple(value) if isinstance(flag.default, tuple) else value
    return arguments | {name: kind(**given) for name, (kind, given) in sections.items()}


def _merge_repeated_flags(parser: Parser, words: Sequence[str]) -> list[str]:
    """Merge ``--option A --option B`` to ``--option A B``: argparse would only keep the last one."""
    several = {flag for action in parser._actions if action.nargs in ("*", "+") for flag in action.option_strings}
    groups: list[list[str]] = [[]]  # each flag with its values
    end = _end_of_flags(words)
    for word in words[:end]:
        flag, equals, value = word.partition("=")
        if flag in several:
            groups.append([flag, *([value] if equals else [])])
        elif re.match(r"-[^\d.]|--", word):  # -5 is a value
            groups.append([word])
        else:
            groups[-1].append(word)
    first: dict[str, list[str]] = {}
    for group in groups:
        if group and group[0] in several and first.setdefault(group[0], group) is not group:
            first[group[0]] += group[1:]
            group.clear()
    return [*(word for group in groups for word in group), *words[end:]]
