"""The table of verbs: the function of each, its help, and the output of its results.

Functions are given as strings, so that ``seehear --help`` does not import them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seehear.evaluation import TASKS
from seehear.evaluation.builtin_tasks import BUILTIN_TASKS
from seehear.evaluation.task import Task

USE, LEARN, EVALUATE, DATA = "Use it on your files", "Learn", "Evaluate", "Get data"
INSTALL = "Installation"
GROUPS = {
    USE: "trained models come with the package",
    LEARN: "train models without labels, or adapt one to your videos",
    EVALUATE: "measure how well a model does",
    DATA: "make the corpora that training and evaluation read",
    INSTALL: "when something does not work, or is slow",
}
"""Sections of ``seehear --help``, with short descriptions."""

Function = str | Callable[..., Any]
"""``module:name``, or the function itself (in plug-ins and tests)."""


@dataclass(frozen=True)
class Writer:
    """A flag that writes results to a file, in addition to printing them.

    Attributes:
        help: text for ``--help``
        kind: "csv" writes `to_row` of every result; "json" `to_dict` of the only result; "lines" the lines that
            ``call`` returns for every result; with "file", ``call`` writes the only result to the path
        call: name of a method of the result, or ``module:name`` of a function that takes the result (and the path)
        suffixes: allowed suffixes of the file; any by default
        distinct_names: whether the lines identify files by name, so that names must be distinct
    """

    help: str
    kind: Literal["csv", "json", "lines", "file"]
    call: Function = ""
    suffixes: tuple[str, ...] = ()
    distinct_names: bool = False

    @property
    def takes_one(self) -> bool:
        """Whether it writes a single result only."""
        return self.kind in ("json", "file")


@dataclass(frozen=True)
class Variant:
    """Another function that a verb calls if a flag is given. The flag is a switch if it is not a parameter.

    Attributes:
        function: see `Verb`
        help: help of the switch
        example: a real command, if the positional arguments differ
    """

    function: Function
    help: str = ""
    example: str = ""


@dataclass(frozen=True)
class Verb:
    """One command.

    Attributes:
        function: ``module:name`` of the function; flags come from its signature, their help from its docstring
        summary: one line for ``seehear --help``
        example: a real command
        group: section of ``seehear --help``
        about: description in a few sentences; by default that of the docstring
        helps: parameter -> help, if the docstring is written for Python callers
        variants: flag -> function to call instead
        writers: flag -> file to write
        json_options: flag -> help, for switches that need ``--json`` and are passed to ``to_dict`` of the results
        closing: ``module:name`` of a function from all results to a text that is printed after them
        arguments: ``module:name`` of a function from the words of the command line to arguments for argparse, for
            parameters whose type or default depends on those words
        positionals: parameters with a default that are nevertheless positional
        confirm: parameter that is set if the user accepts the terms of a data set
        resumable: whether the same command resumes an interrupted run
        long: whether it takes minutes or longer, like all resumable verbs
    """

    function: Function
    summary: str
    example: str
    group: str = USE
    about: str = ""
    helps: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    writers: Mapping[str, Writer] = field(default_factory=dict)
    json_options: Mapping[str, str] = field(default_factory=dict)
    closing: Function | None = None
    arguments: Function | None = None
    positionals: tuple[str, ...] = ()
    confirm: str | None = None
    resumable: bool = False
    long: bool = False

    @property
    def logs_progress(self) -> bool:
        """Whether progress is also printed where there is no terminal."""
        return self.long or self.resumable


SYNC_MODEL = "name or folder of a sync model, or hf:owner/name on the Hugging Face hub"
CSV = Writer("also write a table of all files here", "csv")
RESULT_FILE = Writer("also write the result here, as JSON", "json")

APPS: dict[str, Verb] = {
    "sync": Verb(
        "seehear.apps.sync.measure:measure_sync",
        "measure whether the audio is in sync with the lips, and fix it",
        "seehear sync talk.mp4 --fix -o talk-in-sync.mp4",
        about="Measure whether the audio is in sync with the lips, and by how much it is early or late. The delay is "
        "positive when the audio is late. One file gives a table, several give a line each. The exit code is 0 when "
        "every file was measured, also where the answer is uncertain, and 2 when one could not be read or fixed.",
        helps={"files": "video files", "model": SYNC_MODEL, "out": "the new file; a folder for several files"},
        positionals=("files",),
        variants={
            "fix": Variant(
                "seehear.apps.sync.fix:fix_sync",
                "write the files again with the audio shifted into place; needs --out",
            )
        },
        writers={
            "csv": CSV,
            "plot": Writer("also plot agreement against delay here, as PNG; one file only", "file", "plot", (".png",)),
        },
    ),
    "diarize": Verb(
        "seehear.apps.diarization.diarize:diarize",
        "find out who speaks when, and which face it is",
        "seehear diarize panel.mp4 --video who-speaks.mp4",
        writers={
            "rttm": Writer("also write the turns here, as RTTM", "lines", "to_rttm", distinct_names=True),
            "video": Writer(
                "also write an MP4 with a frame around every face, green while it speaks; one file only",
                "file",
                "write_video",
                (".mp4", ".m4v", ".mov"),
            ),
        },
        json_options={"frames": "with --json, also whether each face speaks in each frame, and how probably"},
    ),
    "verify": Verb(
        "seehear.apps.verify:verify",
        "tell whether two recordings are of the same voice",
        "seehear verify monday.wav tuesday.wav",
        variants={
            "pairs": Variant(
                "seehear.apps.verify:verify_pairs", example="seehear verify recordings/ --pairs pairs.txt --json"
            )
        },
        about="Compare the voices of two recordings: are they of one speaker? The score is the cosine similarity of "
        "their voice embeddings, -1 to 1. Where the model has a calibration, or one is given, there is also a "
        "probability, and a verdict: the more probable answer. Each recording should hold one voice. The exit code is "
        "0 when every pair was compared, 2 when one could not be.",
        helps={
            "one": "a recording, or a video with audio",
            "other": "the second recording",
            "folder": "folder that the names of the list are in; by default this one",
            "pairs": 'compare many pairs: file of lines "A B", or "1 A B" and "0 A B", 1 for one speaker',
            "model": "name or folder of a match model, or hf:owner/name on the Hugging Face hub",
            "calibration": 'file of "seehear evaluate speaker --write-calibration"; by default the model\'s own',
            "audio_stream": "which stream of every file, from 1, and perhaps which channel: 2 or 2:left; by default "
            "the one that a player would choose, or the first that is not silent",
        },
        positionals=("folder",),
        closing="seehear.apps.verify:summarize",
    ),
    "match": Verb(
        "seehear.apps.match:match",
        "find the face that goes with a voice, or the voice that goes with a face",
        "seehear match voice.wav anna.jpg ben.jpg carla.jpg",
    ),
    "curate": Verb(
        "seehear.apps.curate:curate",
        "cut videos into clips of one speaking, in-sync face",
        "seehear curate raw/ -o clean/",
        resumable=True,
    ),
    "animate": Verb(
        "seehear.apps.animate:animate",
        "make a talking-face video from a still face and speech",
        "seehear animate face.png speech.wav -o talking.mp4",
    ),
    "embed": Verb(
        "seehear.apps.embed:write_features",
        "write the features of a speech encoder, 25 a second",
        "seehear embed run/ talk.mp4 word.wav -o features.parquet",
    ),
}

LEARNING: dict[str, Verb] = {
    "pretrain": Verb(
        "seehear.training.pretrain:pretrain",
        "train a model on a corpus without labels",
        "seehear pretrain corpus/ -o run/ --preset animate-small",
        LEARN,
        arguments="seehear.training.settings:pretrain_arguments",
        resumable=True,
    ),
    "adapt": Verb(
        "seehear.apps.adapt.adapt:adapt",
        "adapt a sync model to your own videos, and measure the gain",
        "seehear adapt videos/ -o adapted/",
        LEARN,
        resumable=True,
    ),
    "calibrate": Verb(
        "seehear.apps.sync.calibrate:calibrate",
        "calibrate a sync model, so that its confidence is a probability",
        "seehear calibrate run/ corpus/",
        LEARN,
        long=True,
    ),
    "import-syncnet": Verb(
        "seehear.apps.import_syncnet:import_syncnet",
        "convert published SyncNet weights to a model for every verb here",
        "seehear import-syncnet syncnet_v2.model -o syncnet/",
        LEARN,
    ),
}


def evaluation_verb(task: Task) -> Verb:
    """Return the verb ``evaluate TASK``."""
    writers = {flag: Writer(one.help, "file", one.method, one.suffixes) for flag, one in task.writers.items()}
    return Verb(task.function, task.summary, task.example, EVALUATE, writers=writers | {"out": RESULT_FILE}, long=True)


EVALUATIONS: dict[str, Verb] = {f"evaluate {task.name}": evaluation_verb(task) for task in BUILTIN_TASKS}

MEASURING: dict[str, Verb] = {
    "benchmark": Verb(
        "seehear.benchmark.run:benchmark",
        "run a table of models, losses, encoders, tasks and seeds",
        "seehear benchmark mini -o mini/",
        EVALUATE,
        resumable=True,
    ),
    "recipe": Verb(
        "seehear.recipes.run:recipe",
        "reproduce a published table: get data, prepare, pretrain, evaluate",
        "seehear recipe open-data -o open-data/ --dry-run",
        EVALUATE,
        positionals=("name",),
        confirm="accept_terms",
        resumable=True,
    ),
    "demo": Verb(
        "seehear.demo.tour:demo",
        "try everything on synthetic people in 5 to 20 minutes, with a report",
        "seehear demo -o demo/",
        EVALUATE,
        resumable=True,
    ),
}

DATA_SETS: dict[str, Verb] = {
    "get": Verb(
        "seehear.data.get:download_dataset",
        "download an openly licensed data set, after its terms",
        "seehear get fsdd -o data/fsdd/",
        DATA,
        confirm="accept_terms",
        resumable=True,
    ),
    "prepare": Verb(
        "seehear.data.prepare:prepare",
        "turn videos into a corpus of face clips with their audio",
        "seehear prepare videos/ -o corpus/",
        DATA,
        resumable=True,
    ),
    "info": Verb(
        "seehear.data.report:corpus_info",
        "describe a corpus: clips, hours, speakers, labels",
        "seehear info corpus/",
        DATA,
    ),
    "avatars": Verb(
        "seehear.avatars.make:synthesize_avatars",
        "make labelled videos of synthetic talking people",
        "seehear avatars -o people/ --clips 500 --speakers 100 --seed 1",
        DATA,
        resumable=True,
    ),
}

INSTALLATION: dict[str, Verb] = {
    "doctor": Verb(
        "seehear.apps.doctor:doctor",
        "check this installation: processor, GPU, decoder, models, disk, network",
        "seehear doctor",
        INSTALL,
    ),
}

VERBS: dict[str, Verb] = {**APPS, **LEARNING, **EVALUATIONS, **MEASURING, **DATA_SETS, **INSTALLATION}
"""Verbs by name, in the order of the help. Two words form a family, which is listed by the first word alone."""


def add_plugin_tasks() -> None:
    """Add the verbs of tasks that plug-ins have declared."""
    VERBS.update(
        (verb, evaluation_verb(task)) for task in TASKS.values() if (verb := f"evaluate {task.name}") not in EVALUATIONS
    )


def family(word: str) -> dict[str, Verb]:
    """Return the verbs of two words that start with this word."""
    return {name: verb for name, verb in VERBS.items() if name.startswith(f"{word} ")}


def split_verb(words: list[str]) -> tuple[str, list[str]]:
    """Split words into the verb, of one or two words, and the rest."""
    count = 2 if family(words[0]) else 1
    return " ".join(words[:count]), words[count:]


def help_text(verbs: Mapping[str, Verb] | None = None) -> str:
    """Return the text of ``seehear --help``: every verb with an example, in groups."""
    verbs = VERBS if verbs is None else verbs
    width = max(map(len, verbs))
    lines = ["seehear: learn from talking faces and their speech, and use what was learned", ""]
    lines += ["usage: seehear VERB ... [--config FILE.yaml] [--json]"]
    for group in dict.fromkeys(verb.group for verb in verbs.values()):
        lines += ["", f"{group} ({GROUPS[group]}):" if group in GROUPS else f"{group}:"]
        for name, verb in verbs.items():
            if verb.group == group:
                lines += [f"  {name:<{width}}  {verb.summary}", f"  {'':<{width}}    $ {verb.example}"]
    lines += ["", "seehear VERB --help lists the flags of a verb. Every flag is also a key of its YAML file."]
    return "\n".join(lines)
