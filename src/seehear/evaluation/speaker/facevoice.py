"""Matching of faces and voices.

Nagrani, Albanie & Zisserman (2018), "Seeing voices and hearing faces" (arXiv 1804.00326) and "Learnable PINs" (arXiv
1805.00833): people of the training data, and people who are not in it; all of them, and within groups, to show what
is left where the sex is no cue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.clip import FPS, SAMPLES_PER_FRAME, Clip
from seehear.data.corpus import By, Corpus
from seehear.data.manifest import DetectorProvenance, label_columns
from seehear.errors import CorpusError
from seehear.evaluation.baselines import UNTRAINED
from seehear.evaluation.cross_validation import Protocol, describe_seeds
from seehear.evaluation.features import device_of
from seehear.evaluation.speaker.result import (
    ALL,
    SEEN,
    UNSEEN,
    FaceVoiceEvaluation,
    FaceVoiceRow,
    compare_over_seeds,
    estimate_over_seeds,
)
from seehear.evaluation.speaker.voices import untrained_like
from seehear.evaluation.splits import clips_of_part
from seehear.metrics.pairs import CrossModalScores, CrossModalTrials, Rows, bootstrap_people, score_cross_modal
from seehear.models.interface import SEGMENT_S, IdentityModel
from seehear.nn.embed import eval_mode
from seehear.progress import Progress, Stage

AT_ONCE = 32  # clips, so that memory does not grow with the corpus


@dataclass(frozen=True)
class ClipEmbeddings:
    """Embeddings by clip.

    Attributes:
        voices, faces: float32 (clips, dim), of length 1 if they are compared by the cosine
    """

    voices: Tensor
    faces: Tensor


def embed_clips(
    model: IdentityModel, clips: Corpus, stills: int, seconds: float, name: str, progress: Progress | None = None
) -> ClipEmbeddings:
    """Embed all clips, decoding each once.

    Args:
        model: on any device
        clips: with audio and video
        stills: frames of each clip, spread evenly, whose embeddings are averaged, as are those of the segments of audio
        seconds: length of a segment
        name: for the progress
        progress: called with the share that is done, 0 to 1, and a text
    """
    voices, faces = [], []
    stage = Stage(progress, name, len(clips))
    with eval_mode(model), torch.inference_mode():
        for first in range(0, len(clips), AT_ONCE):
            some = [clips[row] for row in range(first, min(first + AT_ONCE, len(clips)))]
            voices += _means(model, [_pieces(clip.audio, seconds) for clip in some], voice=True)
            faces += _means(model, [_spread(clip, stills) for clip in some], voice=False)
            stage.update(len(voices), f"{len(voices)} clips")
    return ClipEmbeddings(torch.stack(voices), torch.stack(faces))


def _means(model: IdentityModel, parts: Sequence[NDArray[np.generic]], voice: bool) -> list[Tensor]:
    """Return the mean embedding of the parts of each clip; parts of equal shape are embedded together."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for row, one in enumerate(parts):
        by_shape.setdefault(one.shape[1:], []).append(row)
    means: dict[int, Tensor] = {}
    for rows in by_shape.values():
        batch = torch.from_numpy(np.concatenate([parts[row] for row in rows])).to(device_of(model))
        embedded = (model.embed_voice(batch) if voice else model.embed_face(batch)).float().cpu()
        first = 0
        for row in rows:
            means[row] = model.mean(embedded[first : first + len(parts[row])])
            first += len(parts[row])
    return [means[row] for row in range(len(parts))]


def _pieces(audio: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Return consecutive segments, (segments, samples); the last one ends where the audio does."""
    frames = len(audio) // SAMPLES_PER_FRAME
    length = min(frames, max(1, round(seconds * FPS)))
    starts = [*range(0, frames - length, length), frames - length]
    return np.stack([audio[s * SAMPLES_PER_FRAME : (s + length) * SAMPLES_PER_FRAME] for s in starts])


def _spread(clip: Clip, stills: int) -> NDArray[np.uint8]:
    """Return frames that are spread evenly, (stills, S, S, 3); a single one is the middle one."""
    rows = ((np.arange(stills) + 0.5) / stills * clip.frames).astype(int)
    pictures: NDArray[np.uint8] = clip.video[rows]
    return pictures


AMONG = tuple(range(2, 11))


GROUPS = ("sex", "age")


BAND_YEARS = 10


PEOPLE = {"train": SEEN, "dev": UNSEEN, "all": UNSEEN, "official": UNSEEN}


PartName = Literal["both", "all", "dev", "train", "official"]


@dataclass(frozen=True)
class _ComparedModel:
    """A compared model: seed -> model; ``drawn`` if the seed decides its weights."""

    name: str
    model: Callable[[int], IdentityModel]
    drawn: bool


def evaluate_facevoice(
    model: str,
    corpus: str | Path,
    baselines: Sequence[str] = (UNTRAINED,),
    within: Sequence[str] = GROUPS,
    split: PartName | None = None,
    split_by: By | None = None,
    dev_every: int | None = None,
    stills: int = 1,
    seconds: float = SEGMENT_S,
    clips: int | None = None,
    seeds: int = 1,
    first_seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FaceVoiceEvaluation:
    """Evaluate how well a model matches faces and voices.

    Voice and face of a pair are from different sources, or else clips, if a person has several. The accuracy of 1-of-N
    matching is the expectation over all others who can be among the N.

    Args:
        model: folder of a run or name of a model of voices and faces
        corpus: folder that "seehear prepare" has made, with the label speaker
        baselines: models to compare with: other models, or untrained (the model's architecture with random weights)
        within: labels; pairs and distractors are also taken among people who share each of them, and all of them.
            Numbers such as ages are grouped by decades.
        split: which clips: dev, which training held out, train, which it trained on, both, or all clips as people
            whom the model does not know, or official, likewise those whose label part is test. By default both if
            training had a corpus of that name, else all.
        split_by: what is on one side of that split only, sources or speakers; by default as in the model's training
        dev_every: every n-th source (or speaker) is dev; by default as in the model's training
        stills: frames of each clip, spread evenly, whose embeddings are averaged
        seconds: length of a segment of audio; the embeddings of a clip's segments are averaged
        clips: up to this many clips, spread evenly
        seeds: repetitions, each with its own random weights, if there are any
        first_seed: number of the first seed; the others follow it
        device: where networks run, as torch names it
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        ModelError: there is no such model, or it has not learned voices and faces.
        CorpusError: no such corpus, no speakers are known, or it has no video or audio.
    """
    numbers = Protocol(seeds=seeds, first_seed=first_seed, device=device).numbers
    for name, value in {"stills": stills, "clips": 1 if clips is None else clips}.items():
        if value < 1:
            raise CorpusError(f"--{name} must be 1 or more, not {value}")
    if not seconds > 0:
        raise CorpusError(f"--seconds must be more than 0, not {seconds:g}")
    named = _compared_models(model, baselines, device)
    config = named[0].model(0).config
    everything = Corpus(corpus)
    told_by = "given"
    if split is None:
        known = Path(corpus).resolve().name in (config.get("trained") or {}).get("corpus", [])
        split, told_by = ("both" if known else "all"), "by the corpus's name"
    rows: list[FaceVoiceRow] = []
    counts: dict[str, tuple[int, int]] = {}
    remarks: list[str] = []
    speakers: list[set[str]] = []
    for part in ("train", "dev") if split == "both" else (split,):
        chosen = clips_of_part(everything, part, config, split_by, dev_every)
        people = _People(_usable(chosen, corpus, clips), PEOPLE[part])
        speakers.append(set(people.names))
        counts[people.called] = (len(people.clips), len(speakers[-1]))
        remarks += people.remarks()
        rows += people.rows(named, _groups(people.clips, within), stills, seconds, numbers, progress)
    if len(speakers) > 1 and (both := len(speakers[0] & speakers[1])):
        remarks.append(f"{both} people are in both parts, so they are not unseen; split by speaker.")
    faces = DetectorProvenance.of(config, everything.detectors)
    return FaceVoiceEvaluation(
        data=str(corpus),
        rows=tuple(rows),
        chance={"AUC": 0.5, "EER": 0.5}
        | {f"{way}, 1 of {n}": 1 / n for way in ("voice to face", "face to voice") for n in AMONG},
        clips={name: count[0] for name, count in counts.items()},
        persons={name: count[1] for name, count in counts.items()},
        setting={
            "split": f"{split} ({told_by})",
            "stills": stills,
            "seconds": seconds,
            "seeds": describe_seeds(numbers),
        }
        | faces.setting(),
        remarks=(*remarks, *faces.remarks()),
    )


class _People:
    """Clips of one part, and the people in them."""

    def __init__(self, clips: Corpus, called: str) -> None:
        self.clips, self.called = clips, called
        self.names = [str(name) for name in clips.labels("speaker")]
        numbers = {name: number for number, name in enumerate(sorted(set(self.names)))}
        self.people: Rows = np.array([numbers[name] for name in self.names])
        self.sources: Rows = np.unique(clips.manifest["source"].to_pylist(), return_inverse=True)[1]
        if len(numbers) < 2:
            raise CorpusError(
                f"{clips} has one person ({self.names[0]}) among {called}, and pairs need two; add others"
            )

    def remarks(self) -> list[str]:
        """Report how many have only one clip."""
        single = int((np.bincount(self.people) == 1).sum())
        if not single:
            return []
        return [f"{single} of the {self.called} have one clip only: their voice and face are of the same one."]

    def rows(
        self,
        named: Sequence[_ComparedModel],
        groups: dict[str, Rows],
        stills: int,
        seconds: float,
        numbers: range,
        progress: Progress | None,
    ) -> list[FaceVoiceRow]:
        """Return a row for every group and model."""
        draws = bootstrap_people(int(self.people.max()) + 1)
        groups = {within: group for within, group in groups.items() if has_distractors(self.people, group)}
        crossed: dict[tuple[str, str], list[CrossModalScores]] = {}
        for one in named:
            for seed in numbers if one.drawn else numbers[:1]:
                name = f"{one.name}, {self.called}"
                embeddings = embed_clips(one.model(seed), self.clips, stills, seconds, name, progress)
                for within, group in groups.items():
                    trials = CrossModalTrials(self.people, self.sources, group, draws)
                    crossed.setdefault((within, one.name), []).append(_cross(one.model(seed), embeddings, trials))
        return [
            self._row(within, one.name, crossed[within, one.name], crossed[within, named[0].name])
            for within in groups
            for one in named
        ]

    def _row(
        self, within: str, name: str, found: Sequence[CrossModalScores], model: Sequence[CrossModalScores]
    ) -> FaceVoiceRow:
        count = int(self.people.max()) + 1
        figures = {
            key: estimate_over_seeds([one.figures[key] for one in found], [one.drawn[key] for one in found], count)
            for key, value in found[0].figures.items()
            if np.isfinite(value)  # NaN if there are too few distractors
        }
        against = None
        if found is not model:
            values = [
                ([one.figures["AUC"] for one in side], [one.drawn["AUC"] for one in side]) for side in (model, found)
            ]
            against = compare_over_seeds(name, *values[0], *values[1], count)
        return FaceVoiceRow(self.called, within, name, figures, found[0].pairs, against)


def has_distractors(people: Rows, group: Rows) -> bool:
    """Whether two people share a group, so that there are distractors; both arguments are (clips,)."""
    return any(len(np.unique(people[group == one])) > 1 for one in np.unique(group[group >= 0]))


def _cross(model: IdentityModel, embeddings: ClipEmbeddings, trials: CrossModalTrials) -> CrossModalScores:
    with torch.inference_mode():
        return score_cross_modal(model.cross_similarity(embeddings.voices, embeddings.faces).numpy(), trials, AMONG)


def _compared_models(model: str, against: Sequence[str], device: str) -> list[_ComparedModel]:
    from seehear.models.store import load_identity_model

    trained = {
        name: load_identity_model(name, device) for name in dict.fromkeys([model, *against]) if name != UNTRAINED
    }

    def fixed(name: str) -> Callable[[int], IdentityModel]:
        return lambda seed: trained[name]

    named = [_ComparedModel(name, fixed(name), False) for name in trained]
    if UNTRAINED in against:
        named.append(_ComparedModel(UNTRAINED, lambda seed: untrained_like(model, seed).to(device).eval(), True))
    return named


def _usable(clips: Corpus, place: str | Path, count: int | None) -> Corpus:
    """Return those with audio, video and a speaker."""
    kept = clips.with_sound().with_faces()
    kept = kept.subset(np.array([bool(name) for name in kept.labels("speaker")], dtype=bool))
    if not kept:
        raise CorpusError(f"{place} has no clip with audio, video and a speaker; prepare videos that have all three")
    if count is not None and count < len(kept):
        kept = kept.subset(np.linspace(0, len(kept) - 1, count).round().astype(int))
    return kept


def _groups(clips: Corpus, within: Sequence[str]) -> dict[str, Rows]:
    """Return kind of group -> number of the group of each clip, -1 where its label is not known.

    Raises:
        CorpusError: a requested label does not exist.
    """
    there = label_columns(clips.manifest)
    labels = [label for label in within if label in there or tuple(within) != GROUPS]
    values = {label: _banded(clips.labels(label)) for label in labels}
    groups = {ALL: np.zeros(len(clips), dtype=np.int64)}
    combined = [(label,) for label in labels] + ([tuple(labels)] if len(labels) > 1 else [])
    for chosen in combined:
        keys = list(zip(*(values[label] for label in chosen), strict=True))
        known = {key: number for number, key in enumerate(sorted({key for key in keys if None not in key}))}
        groups[" and ".join(chosen)] = np.array([known.get(key, -1) for key in keys])
    return groups


def _banded(values: Sequence[str | None]) -> list[str | None]:
    """Return numbers by decade, if all are numbers; other values unchanged."""
    known = [value for value in values if value]
    if not all(value.replace(".", "", 1).isdigit() for value in known):
        return [value or None for value in values]
    return [f"{int(float(value) // BAND_YEARS) * BAND_YEARS}" if value else None for value in values]
