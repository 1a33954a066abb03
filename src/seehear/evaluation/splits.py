"""Training, development and test: by speaker, official, or as in a model's training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seehear.data.corpus import By, Corpus, Part, Split, rows_of_part
from seehear.data.manifest import CORPUS_FILE, label_columns
from seehear.errors import CorpusError
from seehear.evaluation.baselines import has_run
from seehear.evaluation.recordings import Recordings

SplitName = Literal["speakers", "leave-one-speaker-out", "official", "random"]


HELD_OUT = 5  # one in this many speakers (or recordings) is test, and one development


PARTS = ("train", "dev", "test")


LABEL = "part"


Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One division of the recordings.

    Attributes:
        train, dev, test: rows, ascending
    """

    train: Rows
    dev: Rows
    test: Rows


def partition(recordings: Recordings, split: SplitName, seed: int = 0, shared_speakers: bool = False) -> list[Fold]:
    """Divide recordings into folds; each is in the test part of at most one fold.

    ``speakers``: one fold; a fifth of the speakers is test, a fifth development, and of five seeds in a row (0 to 4, 5
    to 9, ...) each tests another fifth, so that their results are of different people. ``leave-one-speaker-out``: a
    fold for each speaker, with a fifth of the others (at least one) as development. ``official``: the data set's own
    label ``part``; if it has no development part, a fifth of the training speakers. ``random``: as ``speakers``, but a
    fifth of the recordings, whoever speaks; segments of one source stay together.

    Args:
        recordings: with the label ``speaker``, except for ``random``
        split: one of the above
        seed: of the choice of test (except for leave-one-speaker-out and official) and development
        shared_speakers: let an official split have a speaker on both sides

    Raises:
        CorpusError: too few speakers, a recording without one, no label ``part``, or an official split that is not
            disjoint.
    """
    rng = np.random.default_rng([seed, 77])
    if split == "random":
        return [_held_out([r.source for r in recordings], seed, "recordings", recordings.name)]
    if split == "official":
        return [_official(recordings, rng, shared_speakers)]
    speakers = require_speakers(recordings)
    if split == "speakers":
        return [_held_out(speakers, seed, "speakers", recordings.name)]
    return _leave_one_out(speakers, rng, recordings.name)


def require_speakers(recordings: Recordings) -> list[str]:
    """Return the speaker of each recording.

    Raises:
        CorpusError: one of them has none.
    """
    speakers = [recording.speaker for recording in recordings]
    known = [speaker for speaker in speakers if speaker]
    if len(known) < len(speakers):
        nameless = recordings[next(i for i, speaker in enumerate(speakers) if not speaker)].name
        raise CorpusError(
            f"{recordings.name} does not say who speaks in {nameless}, so speakers cannot be kept apart; "
            "add the label 'speaker', or ask for --split random"
        )
    return known


def subsample_labels(train: Rows, classes: Sequence[str], share: float, seed: int) -> Rows:
    """Return a share of the training rows of each class, at least one example of each.

    Args:
        train: rows
        classes: class of every recording (not only of the training ones)
        share: above 0, up to 1
        seed: of the choice

    Raises:
        CorpusError: the share is out of range.
    """
    if not 0 < share <= 1:
        raise CorpusError(f"--label-fraction must be more than 0 and at most 1, not {share:g}")
    if share == 1:
        return train
    rng = np.random.default_rng([seed, 78])
    by_class: dict[str, list[int]] = defaultdict(list)
    for row in train.tolist():
        by_class[classes[row]].append(row)
    kept = [rng.permutation(np.array(rows))[: max(1, round(share * len(rows)))] for _, rows in sorted(by_class.items())]
    return np.sort(np.concatenate(kept))


def _held_out(groups: Sequence[str], seed: int, what: str, name: str) -> Fold:
    """Make one group in five test and one in five development; see `partition`."""
    names = sorted(set(groups))
    if len(names) < len(PARTS):
        raise CorpusError(_too_few(name, what, len(names)))
    count = min(HELD_OUT, len(names))
    order = np.random.default_rng([seed // count, 77]).permutation(len(names))
    test, dev = (order[(seed + turn) % count :: count].tolist() for turn in (0, 1))
    return _fold(groups, {names[i] for i in dev}, {names[i] for i in test})


def _leave_one_out(speakers: Sequence[str], rng: np.random.Generator, name: str) -> list[Fold]:
    names = sorted(set(speakers))
    if len(names) < len(PARTS):
        raise CorpusError(_too_few(name, "speakers", len(names)))
    folds = []
    for test in names:
        others = [speaker for speaker in names if speaker != test]
        dev = {others[i] for i in rng.permutation(len(others))[: max(1, len(others) // HELD_OUT)]}
        folds.append(_fold(speakers, dev, {test}))
    return folds


def _official(recordings: Recordings, rng: np.random.Generator, shared_speakers: bool) -> Fold:
    parts = recordings.labels(LABEL)
    missing = {"train", "test"} - set(parts)
    if missing:
        raise CorpusError(
            f"{recordings.name} has no official split (no recording whose label '{LABEL}' is {min(missing)!r}); "
            "choose another --split"
        )
    train, dev, test = (np.flatnonzero([part == wanted for part in parts]) for wanted in PARTS)
    speakers = [recording.speaker or "" for recording in recordings]
    if not shared_speakers:
        _refuse_shared(recordings.name, speakers, train, dev, test)
    if not len(dev):
        groups = [speakers[row] or recordings[row].source for row in train.tolist()]
        if shared_speakers:
            groups = [recordings[row].source for row in train.tolist()]
        names = sorted(set(groups))
        if len(names) < 2:
            raise CorpusError(_too_few(recordings.name, "speakers in its training part", len(names)))
        chosen = {names[i] for i in rng.permutation(len(names))[: max(1, len(names) // HELD_OUT)]}
        held = np.array([group in chosen for group in groups], dtype=bool)
        train, dev = train[~held], train[held]
    return Fold(train, dev, test)


def _refuse_shared(name: str, speakers: Sequence[str], *parts: Rows) -> None:
    """Refuse a speaker on two sides, who would be recognised rather than understood."""
    sides = [{speakers[row] for row in part.tolist()} - {""} for part in parts]
    train, dev, test = sides
    if shared := sorted((train & dev) | (train & test) | (dev & test)):
        raise CorpusError(
            f"the official split of {name} has speaker {shared[0]} on both sides; ask for --split "
            "leave-one-speaker-out, or allow it with --shared-speakers"
        )


def _fold(groups: Sequence[str], dev: set[str], test: set[str]) -> Fold:
    sides = np.array(["test" if group in test else "dev" if group in dev else "train" for group in groups])
    train, held, tested = (np.flatnonzero(sides == part) for part in PARTS)
    return Fold(train, held, tested)


def _too_few(name: str, what: str, count: int) -> str:
    way_out = "give more recordings" if what == "recordings" else "give recordings of others, or ask for --split random"
    return f"{name} has {count} {what}, and training, development and test need one each; {way_out}"


ClipPart = Literal["dev", "train", "all", "official"]


TESTED = "test"
"""Value of the label ``part`` of what an official split tests."""


def clips_of_part(
    clips: Corpus, part: ClipPart, config: Mapping[str, Any], by: By | None = None, every: int | None = None
) -> Corpus:
    """Return the clips of a part.

    Args:
        clips: of a corpus
        part: ``dev``, which training held out, ``train``, which it trained on, ``all``, or ``official``, those whose
            label ``part`` is ``test``
        config: of the model, with the split of its training
        by, every: another split into dev and train; see `Split`

    Raises:
        CorpusError: they cannot be split like this, or there is no official split.
    """
    if part == "all":
        return clips
    if part == "official":
        return officially_tested(clips)
    parted = Split.of_training(config, by, every)
    return clips.split(part, parted.every, parted.by)


def officially_tested(clips: Corpus) -> Corpus:
    """Return those whose label ``part`` is ``test``.

    Raises:
        CorpusError: there are none.
    """
    known = clips.labels(LABEL) if LABEL in label_columns(clips.manifest) else []
    return clips.subset(in_test(known, str(clips)))


def in_test(parts: Sequence[str | None], name: str) -> NDArray[np.bool_]:
    """Return which are tested officially, by their labels ``part``, (N,).

    Raises:
        CorpusError: none is.
    """
    if TESTED not in parts:
        raise CorpusError(
            f"{name} has no official split (nothing whose label '{LABEL}' is '{TESTED}'); choose another --split"
        )
    return np.array([part == TESTED for part in parts], dtype=bool)


VoicePart = Literal["all", "dev", "train", "official"]


def split_of(model: str, by: By | None, every: int | None) -> Split:
    """Return the split of a model's training, or another one.

    Raises:
        ModelError: there is no such model.
        CorpusError: there is no such split.
    """
    from seehear.models.store import find_model, read_config

    return Split.of_training(read_config(find_model(model)) if has_run(model) else {}, by, every)


def recordings_in_part(
    recordings: Recordings, places: Sequence[str | Path], part: Part, split: Split
) -> NDArray[np.bool_]:
    """Return which recordings are in a part, (N,).

    Clips of corpora are divided as in training; other recordings are divided among themselves in the same way.

    Raises:
        CorpusError: they cannot be split like this.
    """
    corpora = [place for place in map(Path, places) if (place / CORPUS_FILE).is_file()]
    chosen: set[str] = set()
    clips: set[str] = set()
    for place in corpora:
        corpus = Corpus(place)
        prefix = f"{place}/" if len(corpora) > 1 else ""  # as in `Recordings.of`
        clips |= {prefix + key for key in corpus.manifest["key"].to_pylist()}
        chosen |= {prefix + key for key in corpus.split(part, split.every, split.by).manifest["key"].to_pylist()}
    others = [recording for recording in recordings if recording.name not in clips]
    if others:
        table = pa.table(
            {
                "corpus": np.zeros(len(others), dtype=np.int32),
                "source": [recording.source for recording in others],
                "label_speaker": [recording.speaker for recording in others],
            }
        )
        rows = rows_of_part(table, part, split.every, split.by, recordings.name)
        chosen |= {others[row].name for row in rows.tolist()}
    return np.array([recording.name in chosen for recording in recordings], dtype=bool)
