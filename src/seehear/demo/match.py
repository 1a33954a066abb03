"""The demo's faces and voices: learned from nothing, measured on people never met, and asked in a game."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from seehear.clip import Clip
from seehear.corpus.store import Corpus
from seehear.demo.stages import one_thread
from seehear.demo.sync import Learned
from seehear.errors import CorpusError, MediaError
from seehear.pretext.identity import IdentityModel
from seehear.tasks.contenders import UNTRAINED, USUAL
from seehear.tasks.facevoice import GROUPS, evaluate_facevoice
from seehear.tasks.speaker import evaluate_speaker
from seehear.tasks.verification.facevoice_outcome import FaceVoiceResult
from seehear.tasks.verification.outcome import VerificationResult
from seehear.tools.candidates import rank
from seehear.training.journal import read_metrics
from seehear.training.presets import settings
from seehear.training.pretrain import pretrain
from seehear.training.run import load_identity, packaged

Found = TypeVar("Found")

PRESET = SHIPPED = "match-small"
HELD_OUT = 4
"""One person in so many is neither heard nor seen; with fewer of them nothing would be sure."""

BATCH = 48
"""The more others there are to tell a face from, the more is learned from each step."""

WINDOW, LEARNED_S = 50, 1.0
"""Pictures of a window, and the sound of a segment: two of them fit into clips that are as short."""

SHARED = 4
"""Numbers in which voice and face meet, as in the package's own model: few people are soon learned by heart."""

PROBED = 96  # clips, now and then while it learns
GROUPED = 24
"""Among so many people some are sure to share sex and age; fewer are not looked at group by group."""

SEEDS = 3  # of weights that nobody has trained
GAMES, CHOICES = 3, 4


@dataclass(frozen=True)
class Acquaintance:
    """What is known of voices and faces of people never met.

    Attributes:
        voices: how well two voices are told apart; a sentence where there is too little to tell.
        faces: how well faces go with voices; likewise.
    """

    voices: VerificationResult | str
    faces: FaceVoiceResult | str


@dataclass(frozen=True)
class Game:
    """One voice, and some faces of which one is the speaker's.

    Attributes:
        voice: a clip that is heard.
        faces: clips of which a picture is seen, the likeliest first.
        probabilities: of each of them, if one is the speaker's.
        right: place of the speaker's.
    """

    voice: Clip
    faces: Sequence[Clip]
    probabilities: Sequence[float]
    right: int


@dataclass(frozen=True)
class Played:
    """Some games, and who played them.

    Attributes:
        model: name of the model: the package's own, where it has one, else the run.
        games: none where there are too few people.
    """

    model: str
    games: Sequence[Game]


def learn_to_match(corpus: Path, run: Path, *, steps: int, seed: int) -> Learned:
    """A small model learns which face belongs to which voice."""
    preset = settings(PRESET)
    clips = len(Corpus(corpus).split("train", HELD_OUT, "speaker"))
    batch = max(2, min(BATCH, clips // 2))
    data = replace(
        preset.data,
        batch=batch,
        frames=WINDOW,
        min_frames=WINDOW,
        split_by="speaker",
        dev_every=HELD_OUT,
        probe_clips=PROBED,
    )
    model = replace(preset.model, seconds=LEARNED_S, shared=SHARED)
    optim = replace(preset.optim, steps=steps, seed=seed, warmup=min(preset.optim.warmup, steps // 4))
    engine = replace(preset.engine, probe_every=max(1, steps // 5))
    summary = pretrain([corpus], run, preset=PRESET, model=model, data=data, optim=optim, engine=engine)
    return Learned(summary, read_metrics(run / "metrics.csv"))


def acquaint(run: Path, corpus: Path) -> Acquaintance:
    """What the model of a run, and those it is compared with, know of voices and faces of people never met."""
    people: dict[str, Any] = {"split": "dev", "split_by": "speaker", "dev_every": HELD_OUT, "seeds": SEEDS}
    held_out = set(Corpus(corpus).split("dev", HELD_OUT, "speaker").labels("speaker"))
    within = GROUPS if len(held_out) >= GROUPED else ()
    shipped = (SHIPPED,) if SHIPPED in packaged() else ()
    with one_thread():
        voices = _told(lambda: evaluate_speaker(str(run), [corpus], (*shipped, *USUAL), **people))
        faces = _told(lambda: evaluate_facevoice(str(run), corpus, (*shipped, UNTRAINED), within, **people))
    assert isinstance(voices, VerificationResult | str)  # a table, for no JSON was asked for
    return Acquaintance(voices, faces)


def play(run: Path, corpus: Path, films: Path, *, seed: int) -> Played:
    """Whose voice is it? Films of people never met, drawn by chance, are ranked for a voice."""
    name = SHIPPED if SHIPPED in packaged() else str(run)
    held_out = Corpus(corpus).split("dev", HELD_OUT, "speaker").with_sound()
    clips = defaultdict[str, list[int]](list)
    for row, person in enumerate(held_out.labels("speaker")):
        clips[str(person)].append(row)
    if len(clips) < CHOICES:
        return Played(name, [])
    model, rng = load_identity(name), np.random.default_rng([seed, 4])
    drawn = [rng.choice(sorted(clips), CHOICES, replace=False) for _ in range(GAMES)]
    with one_thread():
        games = [_game(model, films, [[held_out[row] for row in clips[one]] for one in people]) for people in drawn]
    return Played(name, [game for game in games if game])


def _game(model: IdentityModel, films: Path, people: Sequence[Sequence[Clip]]) -> Game | None:
    """The first of some people is heard; of everybody the last film is seen, which is another one where there are two.

    Returns:
        None where one of the films cannot be used, because there is next to nothing said in it.
    """
    voice, seen = people[0][0], {_film(films, own[-1]): own[-1] for own in people}
    try:
        ranking = rank(_film(films, voice), list(seen), model, drawn=True)
    except MediaError:
        return None
    order = [candidate.path for candidate in ranking.ranked]
    if ranking.failed:
        return None
    return Game(
        voice,
        [seen[film] for film in order],
        [likely for candidate in ranking.ranked if (likely := candidate.probability) is not None],
        order.index(next(iter(seen))),
    )


def _film(films: Path, clip: Clip) -> Path:
    return films / Path(clip.meta["source"]).name


def _told(measure: Callable[[], Found]) -> Found | str:
    """What was measured; in a demo with few people, the sentence that says why nothing could be."""
    try:
        return measure()
    except CorpusError as error:
        return str(error)
