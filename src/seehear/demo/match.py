"""The demo's faces and voices: train a model, measure it, and play a matching game."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from seehear.apps.match import match
from seehear.clip import Clip
from seehear.data.corpus import Corpus
from seehear.demo.stages import difference, jpeg, verdict
from seehear.demo.sync import TrainedModel
from seehear.errors import CorpusError, MediaError
from seehear.evaluation.baselines import DEFAULT_BASELINES, UNTRAINED
from seehear.evaluation.speaker.facevoice import GROUPS, evaluate_facevoice
from seehear.evaluation.speaker.result import FaceVoiceEvaluation, FaceVoiceRow, SpeakerEvaluation
from seehear.evaluation.speaker.verification import evaluate_speaker
from seehear.machine import single_thread
from seehear.media.encode import encode_sound
from seehear.metrics.bootstrap import Estimate as Score
from seehear.models.interface import IdentityModel
from seehear.models.store import load_identity_model, packaged_models
from seehear.progress import Progress
from seehear.report.html import Audio, Block, Gallery, Section, SvgFigure, Table, Text
from seehear.report.plots import INK, new_figure, to_svg
from seehear.training.checkpoint import read_metrics
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

Found = TypeVar("Found")


PRESET = SHIPPED = "match-small"


HELD_OUT = 4
"""Hold out every n-th person; with fewer, nothing would be significant."""


BATCH = 48
"""Batch size; more negatives make each step more effective."""


WINDOW, LEARNED_S = 50, 1.0
"""Frames per window, and seconds per segment, so that two segments fit into a short clip."""


SHARED = 4
"""Shared dimensions of voices and faces, as in the packaged model, to avoid memorising the few people."""


PROBED = 96  # number of clips in the validation during training


GROUPED = 24
"""Minimum number of people for results by group; with fewer, too few share sex and age."""


SEEDS = 3  # of the untrained weights


GAMES, CHOICES = 3, 4


@dataclass(frozen=True)
class FaceVoiceScores:
    """Results on voices and faces of unseen people.

    Attributes:
        voices: voice verification; a message if there is too little data.
        faces: face-voice matching; likewise.
    """

    voices: SpeakerEvaluation | str
    faces: FaceVoiceEvaluation | str


@dataclass(frozen=True)
class Game:
    """One voice, and faces of which one is the speaker's.

    Attributes:
        voice: clip with the voice.
        faces: clips with the faces, the most probable first.
        probabilities: probability of each face, given that one of them is the speaker's.
        right: index of the speaker's face.
    """

    voice: Clip
    faces: Sequence[Clip]
    probabilities: Sequence[float]
    right: int


@dataclass(frozen=True)
class GamesPlayed:
    """The games and the model that played them.

    Attributes:
        model: name of the model: the packaged one if there is one, else the run.
        games: the games; empty if there are too few people.
    """

    model: str
    games: Sequence[Game]


def learn_to_match(corpus: Path, run: Path, *, steps: int, seed: int, progress: Progress | None) -> TrainedModel:
    """Train a small model to match faces and voices."""
    preset = read_settings(PRESET)
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
    summary = pretrain(
        [corpus], run, preset=PRESET, model=model, data=data, optim=optim, engine=engine, progress=progress
    )
    return TrainedModel(summary, read_metrics(run / "metrics.csv"))


def measure_faces_and_voices(run: Path, corpus: Path, progress: Progress | None) -> FaceVoiceScores:
    """Evaluate the model of a run, and baselines, on voices and faces of unseen people."""
    people: dict[str, Any] = {"split": "dev", "split_by": "speaker", "dev_every": HELD_OUT, "seeds": SEEDS}
    people["progress"] = progress
    held_out = set(Corpus(corpus).split("dev", HELD_OUT, "speaker").labels("speaker"))
    within = GROUPS if len(held_out) >= GROUPED else ()
    shipped = (SHIPPED,) if SHIPPED in packaged_models() else ()
    with single_thread():
        voices = _result_or_reason(
            lambda: evaluate_speaker(str(run), [corpus], (*shipped, *DEFAULT_BASELINES), **people)
        )
        faces = _result_or_reason(lambda: evaluate_facevoice(str(run), corpus, (*shipped, UNTRAINED), within, **people))
    assert isinstance(voices, SpeakerEvaluation | str)  # a table, as no JSON was requested
    return FaceVoiceScores(voices, faces)


def play_games(run: Path, corpus: Path, films: Path, *, seed: int) -> GamesPlayed:
    """Rank the faces of random unseen people for a voice, a few times."""
    name = SHIPPED if SHIPPED in packaged_models() else str(run)
    held_out = Corpus(corpus).split("dev", HELD_OUT, "speaker").with_sound()
    clips = defaultdict[str, list[int]](list)
    for row, person in enumerate(held_out.labels("speaker")):
        clips[str(person)].append(row)
    if len(clips) < CHOICES:
        return GamesPlayed(name, [])
    model, rng = load_identity_model(name), np.random.default_rng([seed, 4])
    groups = [rng.choice(sorted(clips), CHOICES, replace=False) for _ in range(GAMES)]
    with single_thread():
        games = [_game(model, films, [[held_out[row] for row in clips[one]] for one in people]) for people in groups]
    return GamesPlayed(name, [game for game in games if game])


def _game(model: IdentityModel, films: Path, people: Sequence[Sequence[Clip]]) -> Game | None:
    """Match the voice in the first person's first clip with the faces in everybody's last clip.

    Returns:
        None if one of the videos cannot be used because it contains hardly any speech.
    """
    voice, seen = people[0][0], {_video_path(films, own[-1]): own[-1] for own in people}
    try:
        ranking = match(_video_path(films, voice), list(seen), model=model, drawn_faces=True)
    except MediaError:
        return None
    order = [candidate.path for candidate in ranking.candidates]
    if ranking.failed:
        return None
    return Game(
        voice,
        [seen[film] for film in order],
        [likely for candidate in ranking.candidates if (likely := candidate.probability) is not None],
        order.index(next(iter(seen))),
    )


def _video_path(films: Path, clip: Clip) -> Path:
    return films / Path(clip.meta["source"]).name


def _result_or_reason(measure: Callable[[], Found]) -> Found | str:
    """Return the result, or the message of the error if there are too few people."""
    try:
        return measure()
    except CorpusError as error:
        return str(error)


MATCH = "match"


VOICE_ENCODER_NAMES = {
    SHIPPED: f"the package's {SHIPPED}",
    "untrained": "its encoder of sound, untrained",
    "logmel": "log-mel (80)",
    "mfcc": "MFCC with deltas (39)",
}


FACE_ENCODER_NAMES = {SHIPPED: VOICE_ENCODER_NAMES[SHIPPED], "untrained": "the same model, untrained"}


OF_TWO = ("voice to face, 1 of 2", "face to voice, 1 of 2")


GUESSING = 0.5


def match_sections(learned: TrainedModel, known: FaceVoiceScores, played: GamesPlayed) -> list[Section]:
    """Sections on the training, the results on unseen people, and the game."""
    return [_learning(learned), _scores_section(known), *_games(played, known.faces)]


def _learning(learned: TrainedModel) -> Section:
    summary = learned.summary
    text = (
        f"A third model, of {summary.parameters / 1e6:.2f} million parameters, hears a second of somebody's voice and "
        f"sees the faces of others and of the one who speaks ({summary.steps} steps in {summary.seconds:.0f} s). It "
        "learns which face it is, and that two pieces of one recording are one voice. Nobody told it who anybody is."
    )
    caption = "Above: loss. Below: on clips of held-out people, each of them taken for a person of its own."
    return Section("Faces and voices", [Text(text), SvgFigure(_curves(learned.metrics), caption)])


def _curves(metrics: Sequence[Mapping[str, float]]) -> str:
    with new_figure(2, height=2.0) as (figure, (loss, share)):
        for axes, name, label, factor in (
            (loss, "loss", "loss", 1),
            (share, "face_voice_auc", "AUC of faces and voices", 100),
            (share, "voice_eer", "EER of voices", 100),
        ):
            rows = [(row["step"], factor * row[name]) for row in metrics if name in row]
            if rows:
                axes.plot(*zip(*rows, strict=True), label=label, marker="." if len(rows) < 30 else None)
        share.axhline(100 * GUESSING, color=INK, lw=1, ls=":", label="guessing, both")
        share.set_ylim(0, 102)
        loss.set_ylabel("loss")
        share.set_ylabel("%")
        share.set_xlabel("training step")
        share.legend(fontsize="small")
    return to_svg(figure)


def _scores_section(known: FaceVoiceScores) -> Section:
    measured = [result for result in (known.voices, known.faces) if not isinstance(result, str)]
    shipped = any(row.encoder == SHIPPED for result in measured for row in result.rows)
    text = "What it has learned in these minutes, beside the same shape with random weights and sounds as they are" + (
        f"; and beside {VOICE_ENCODER_NAMES[SHIPPED]}, which has learned for longer and from more people."
        if shipped
        else "."
    )
    return Section("People it has never met", [Text(text), *_voices(known.voices), *_faces(known.faces)])


def _voices(result: SpeakerEvaluation | str) -> list[Block]:
    if isinstance(result, str):
        return [_too_little("Voices", result)]
    text = (
        "Are two recordings of one voice? Each is a film of its own, with another text, another room and often another "
        "emotion. The equal error rate says how often the answer is wrong, where the line is drawn so that it is as "
        "often wrong in either way: 50 % is guessing, and less is better."
    )
    compared = {one.against: one for one in result.comparisons}
    rows = [
        (
            VOICE_ENCODER_NAMES.get(row.encoder, MATCH),
            _with_interval(row.main),
            difference(compared[row.encoder]) if row.encoder in compared else "",
        )
        for row in result.rows
    ]
    caption = (
        f"{result.tested} recordings of people who were not trained on: {result.pairs[0]} pairs of one person, "
        f"{result.pairs[1]} of two. In brackets 95 % intervals over people; differences are in points."
    )
    table = Table(("who listens", "EER (chance 50 %)", "EER of match less this"), rows, caption)
    return [
        Text(text),
        table,
        Text(verdict("Voices", MATCH, result.comparisons, VOICE_ENCODER_NAMES, higher_is_better=False)),
    ]


def _faces(result: FaceVoiceEvaluation | str) -> list[Block]:
    if isinstance(result, str):
        return [_too_little("Faces", result)]
    text = (
        "Which face goes with a voice? The AUC says how often a voice and its own face score above a voice and "
        "somebody else's, 1 of 2 how often the right one of two is chosen. 50 % is guessing in either."
    )
    everybody = [row for row in result.rows if row.within == "all"]
    rows = [
        (FACE_ENCODER_NAMES.get(row.encoder, MATCH), *(_with_interval(row.figures[name]) for name in ("AUC", *OF_TWO)))
        for row in everybody
    ]
    caption = " ".join(
        [f"{_people(result)} who were not trained on; in brackets 95 % intervals over people.", *result.remarks]
    )
    header = ("who looks and listens", "AUC (chance 50 %)", "which face, 1 of 2", "which voice, 1 of 2")
    comparisons = [row.against for row in everybody if row.against]
    return [
        Text(text),
        Table(header, rows, caption),
        Text(verdict("Faces", MATCH, comparisons, FACE_ENCODER_NAMES)),
        *_within(result),
        *(
            Text(_in_words(FACE_ENCODER_NAMES.get(name, MATCH), result, name))
            for name in dict.fromkeys(_learned(result))
        ),
    ]


def _within(result: FaceVoiceEvaluation) -> list[Block]:
    """Results among people of the same sex or age group."""
    names = _learned(result)
    groups = [within for within in dict.fromkeys(row.within for row in result.rows) if within != "all"]
    rows = []
    for group in groups:
        found = [score for name in names if (score := _row(result, group, name).figures.get("AUC"))]
        if len(found) == len(names):  # else too few people are in the group
            rows.append((f"the same {group}", *map(_with_interval, found)))
    if not rows:
        return []
    caption = "AUC among people who share something: what is known beyond it."
    return [Table(("all are of", *(FACE_ENCODER_NAMES.get(name, MATCH) for name in names)), rows, caption)]


def _in_words(called: str, result: FaceVoiceEvaluation, name: str) -> str:
    """Summarise the results of one model in a sentence."""
    named = f"{called[:1].upper()}{called[1:]}"
    if not _above_chance(result, "all", name):
        return f"{named} cannot be said to know which face goes with a voice: its AUC may as well be a guess."
    if _above_chance(result, "sex and age", name):
        return f"{named} knows something of faces, and more than sex and age."
    if _above_chance(result, "sex", name):
        return f"{named} knows something of faces, and more than who is a man and who is a woman."
    return f"{named} knows something of faces, but not surely more than who is a man and who is a woman."


def _above_chance(result: FaceVoiceEvaluation, within: str, name: str) -> bool:
    """Whether it is significantly better than chance within a group; False if that was not measured."""
    scores = [row.figures.get("AUC") for row in result.rows if (row.within, row.encoder) == (within, name)]
    return any(score is not None and score.low > GUESSING for score in scores)


def _learned(result: FaceVoiceEvaluation) -> list[str]:
    """Names of the trained models, the demo's first."""
    return [name for name in dict.fromkeys(row.encoder for row in result.rows) if name != "untrained"]


def _row(result: FaceVoiceEvaluation, within: str, encoder: str) -> FaceVoiceRow:
    return next(row for row in result.rows if (row.within, row.encoder) == (within, encoder))


def _people(result: FaceVoiceEvaluation) -> str:
    return f"{sum(result.clips.values())} clips of {sum(result.persons.values())} people"


def _with_interval(score: Score) -> str:
    return f"{score.value:.1%} ({100 * score.low:.1f} to {100 * score.high:.1f})"


def _too_little(what: str, why: str) -> Text:
    return Text(f"{what}: too little data to tell. {why[:1].upper()}{why[1:]}.")


def _games(played: GamesPlayed, measured: FaceVoiceEvaluation | str) -> list[Section]:
    """Section with a voice and ranked faces for each game."""
    if not played.games:
        return []
    called = FACE_ENCODER_NAMES.get(played.model, f"the model that was just learned (this package has no {SHIPPED})")
    right = sum(game.right == 0 for game in played.games)
    count = len(played.games[0].faces)
    text = (
        f"Guess first: whose voice is it? {count} people were drawn by chance from those that were never met, one was "
        f"heard, and {called} put their faces in order. Under each is how probable it is taken to be. It was right "
        f"{right} of {len(played.games)} times here{_overall(played, measured, count)}."
    )
    blocks: list[Block] = [Text(text)]
    for game in played.games:
        blocks += [Audio(encode_sound(game.voice.audio), "The voice."), _ranking(game)]
    return [Section("Whose voice is it?", blocks)]


def _overall(played: GamesPlayed, measured: FaceVoiceEvaluation | str, count: int) -> str:
    """Accuracy over all held-out people, if it was measured."""
    if isinstance(measured, str):
        return ""
    score = _row(measured, "all", played.model).figures.get(f"voice to face, 1 of {count}")
    return f", and over all of them it is in {score.value:.0%} of cases (chance {1 / count:.0%})" if score else ""


def _ranking(game: Game) -> Gallery:
    faces = [
        (jpeg(clip.video[clip.frames // 2]), f"{likely:.0%}{', the speaker' if place == game.right else ''}")
        for place, (clip, likely) in enumerate(zip(game.faces, game.probabilities, strict=True))
    ]
    return Gallery(faces, "The likeliest first.")
