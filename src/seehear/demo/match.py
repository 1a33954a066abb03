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
from seehear.report.html import Audio, Block, Gallery, Section, SvgFigure, Table, Text
from seehear.report.plots import INK, new_figure, to_svg
from seehear.training.checkpoint import read_metrics
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

EvaluationT = TypeVar("EvaluationT")


PRESET = PACKAGED = "match-small"


HELD_OUT = 4
"""Hold out every n-th person; with fewer, nothing would be significant."""


BATCH = 48
"""Batch size; more negatives make each step more effective."""


WINDOW, SEGMENT_S = 50, 1.0
"""Frames per window, and seconds per segment, so that two segments fit into a short clip."""


SHARED = 4
"""Shared dimensions of voices and faces, as in the packaged model, to avoid memorising the few people."""


VALIDATION_CLIPS = 96  # during training


MIN_PEOPLE_FOR_GROUPS = 24
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
        correct: index of the speaker's face.
    """

    voice: Clip
    faces: Sequence[Clip]
    probabilities: Sequence[float]
    correct: int


@dataclass(frozen=True)
class GameResults:
    """The games and the model that played them.

    Attributes:
        model: name of the model: the packaged one if there is one, else the run.
        games: the games; empty if there are too few people.
    """

    model: str
    games: Sequence[Game]


def train_match(corpus: Path, run: Path, *, steps: int, seed: int) -> TrainedModel:
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
        probe_clips=VALIDATION_CLIPS,
    )
    model = replace(preset.model, seconds=SEGMENT_S, shared=SHARED)
    optim = replace(preset.optim, steps=steps, seed=seed, warmup=min(preset.optim.warmup, steps // 4))
    engine = replace(preset.engine, probe_every=max(1, steps // 5))
    summary = pretrain([corpus], run, preset=PRESET, model=model, data=data, optim=optim, engine=engine)
    return TrainedModel(summary, read_metrics(run / "metrics.csv"))


def measure_faces_and_voices(run: Path, corpus: Path) -> FaceVoiceScores:
    """Evaluate the model of a run, and baselines, on voices and faces of unseen people."""
    people: dict[str, Any] = {"split": "dev", "split_by": "speaker", "dev_every": HELD_OUT, "seeds": SEEDS}
    held_out = set(Corpus(corpus).split("dev", HELD_OUT, "speaker").labels("speaker"))
    within = GROUPS if len(held_out) >= MIN_PEOPLE_FOR_GROUPS else ()
    packaged = (PACKAGED,) if PACKAGED in packaged_models() else ()
    with single_thread():
        voices = _result_or_reason(
            lambda: evaluate_speaker(str(run), [corpus], (*packaged, *DEFAULT_BASELINES), **people)
        )
        faces = _result_or_reason(
            lambda: evaluate_facevoice(str(run), corpus, (*packaged, UNTRAINED), within, **people)
        )
    assert isinstance(voices, SpeakerEvaluation | str)  # a table, as no JSON was requested
    return FaceVoiceScores(voices, faces)


def play_games(run: Path, corpus: Path, videos: Path, *, seed: int) -> GameResults:
    """Rank the faces of random unseen people for a voice, a few times."""
    name = PACKAGED if PACKAGED in packaged_models() else str(run)
    held_out = Corpus(corpus).split("dev", HELD_OUT, "speaker").with_sound()
    clips = defaultdict[str, list[int]](list)
    for row, person in enumerate(held_out.labels("speaker")):
        clips[str(person)].append(row)
    if len(clips) < CHOICES:
        return GameResults(name, [])
    model, rng = load_identity_model(name), np.random.default_rng([seed, 4])
    groups = [rng.choice(sorted(clips), CHOICES, replace=False) for _ in range(GAMES)]
    with single_thread():
        games = [
            _game(model, videos, [[held_out[row] for row in clips[person]] for person in people]) for people in groups
        ]
    return GameResults(name, [game for game in games if game])


def _game(model: IdentityModel, videos: Path, people: Sequence[Sequence[Clip]]) -> Game | None:
    """Match the voice in the first person's first clip with the faces in everybody's last clip.

    Returns:
        None if one of the videos cannot be used because it contains hardly any speech.
    """
    voice, faces = people[0][0], {_video_path(videos, clips[-1]): clips[-1] for clips in people}
    try:
        ranking = match(_video_path(videos, voice), list(faces), model=model, drawn_faces=True)
    except MediaError:
        return None
    order = [candidate.path for candidate in ranking.candidates]
    if ranking.failed:
        return None
    return Game(
        voice,
        [faces[path] for path in order],
        [probability for candidate in ranking.candidates if (probability := candidate.probability) is not None],
        order.index(next(iter(faces))),
    )


def _video_path(videos: Path, clip: Clip) -> Path:
    return videos / Path(clip.meta["source"]).name


def _result_or_reason(measure: Callable[[], EvaluationT]) -> EvaluationT | str:
    """Return the result, or the message of the error if there are too few people."""
    try:
        return measure()
    except CorpusError as error:
        return str(error)


MATCH = "match"


VOICE_ENCODER_NAMES = {
    PACKAGED: f"the packaged {PACKAGED}",
    "untrained": "its speech encoder, untrained",
    "logmel": "log-mel (80)",
    "mfcc": "MFCC with deltas (39)",
}


FACE_ENCODER_NAMES = {PACKAGED: VOICE_ENCODER_NAMES[PACKAGED], "untrained": "the same model, untrained"}


OF_TWO = ("voice to face, 1 of 2", "face to voice, 1 of 2")


CHANCE = 0.5


def match_sections(trained: TrainedModel, scores: FaceVoiceScores, games: GameResults) -> list[Section]:
    """Sections on the training, the results on unseen people, and the game."""
    return [_training(trained), _scores_section(scores), *_games(games, scores.faces)]


def _training(trained: TrainedModel) -> Section:
    summary = trained.summary
    text = (
        f"A third model, of {summary.parameters / 1e6:.2f} million parameters, gets a second of a voice and the faces "
        f"of the speaker and of others ({summary.steps} steps in {summary.seconds:.0f} s). It learns which face "
        "matches, and that two segments of one recording have the same voice. No labels were used."
    )
    caption = "Above: loss. Below: on clips of held-out people, counting each clip as a different person."
    return Section("Faces and voices", [Text(text), SvgFigure(_curves(trained.metrics), caption)])


def _curves(metrics: Sequence[Mapping[str, float]]) -> str:
    with new_figure(2, height=2.0) as (figure, (loss, percent)):
        for axes, name, label, factor in (
            (loss, "loss", "loss", 1),
            (percent, "face_voice_auc", "AUC of faces and voices", 100),
            (percent, "voice_eer", "EER of voices", 100),
        ):
            rows = [(row["step"], factor * row[name]) for row in metrics if name in row]
            if rows:
                axes.plot(*zip(*rows, strict=True), label=label, marker="." if len(rows) < 30 else None)
        percent.axhline(100 * CHANCE, color=INK, lw=1, ls=":", label="chance, both")
        percent.set_ylim(0, 102)
        loss.set_ylabel("loss")
        percent.set_ylabel("%")
        percent.set_xlabel("training step")
        percent.legend(fontsize="small")
    return to_svg(figure)


def _scores_section(scores: FaceVoiceScores) -> Section:
    measured = [result for result in (scores.voices, scores.faces) if not isinstance(result, str)]
    has_packaged = any(row.encoder == PACKAGED for result in measured for row in result.rows)
    text = "The model after these minutes, compared with untrained weights and handcrafted features" + (
        f"; and with {VOICE_ENCODER_NAMES[PACKAGED]}, which was trained for longer and on more people."
        if has_packaged
        else "."
    )
    return Section("Unseen people", [Text(text), *_voices(scores.voices), *_faces(scores.faces)])


def _voices(result: SpeakerEvaluation | str) -> list[Block]:
    if isinstance(result, str):
        return [_too_little_data("Voices", result)]
    text = (
        "Do two recordings have the same voice? Each is from a different video, with another text, another room and "
        "often another emotion. At the equal error rate, false acceptances and false rejections are equally frequent: "
        "50 % is chance, lower is better."
    )
    comparisons = {comparison.against: comparison for comparison in result.comparisons}
    rows = [
        (
            VOICE_ENCODER_NAMES.get(row.encoder, MATCH),
            _with_interval(row.main),
            difference(comparisons[row.encoder]) if row.encoder in comparisons else "",
        )
        for row in result.rows
    ]
    caption = (
        f"{result.tested} recordings of held-out people: {result.pairs[0]} pairs of the same person, "
        f"{result.pairs[1]} of different people. In brackets: 95 % intervals over people; differences are in points."
    )
    table = Table(("encoder", "EER (chance 50 %)", "EER of match minus this"), rows, caption)
    return [
        Text(text),
        table,
        Text(verdict("Voices", MATCH, result.comparisons, VOICE_ENCODER_NAMES, higher_is_better=False)),
    ]


def _faces(result: FaceVoiceEvaluation | str) -> list[Block]:
    if isinstance(result, str):
        return [_too_little_data("Faces", result)]
    text = (
        "Which face belongs to a voice? The AUC is the probability that a voice scores higher with its own face than "
        "with another; 1 of 2 is the fraction of correct choices between two. Chance is 50 % for both."
    )
    everybody = [row for row in result.rows if row.within == "all"]
    rows = [
        (FACE_ENCODER_NAMES.get(row.encoder, MATCH), *(_with_interval(row.figures[name]) for name in ("AUC", *OF_TWO)))
        for row in everybody
    ]
    caption = " ".join(
        [f"{_people(result)} who are held out; in brackets: 95 % intervals over people.", *result.remarks]
    )
    header = ("model", "AUC (chance 50 %)", "which face, 1 of 2", "which voice, 1 of 2")
    comparisons = [row.against for row in everybody if row.against]
    return [
        Text(text),
        Table(header, rows, caption),
        Text(verdict("Faces", MATCH, comparisons, FACE_ENCODER_NAMES)),
        *_within(result),
        *(
            Text(_summary_sentence(FACE_ENCODER_NAMES.get(name, MATCH), result, name))
            for name in dict.fromkeys(_trained_models(result))
        ),
    ]


def _within(result: FaceVoiceEvaluation) -> list[Block]:
    """Results among people of the same sex or age group."""
    names = _trained_models(result)
    groups = [within for within in dict.fromkeys(row.within for row in result.rows) if within != "all"]
    rows = []
    for group in groups:
        scores = [score for name in names if (score := _row(result, group, name).figures.get("AUC"))]
        if len(scores) == len(names):  # otherwise the group has too few people
            rows.append((f"the same {group}", *map(_with_interval, scores)))
    if not rows:
        return []
    caption = "AUC within groups of people with the same sex or age."
    return [Table(("group", *(FACE_ENCODER_NAMES.get(name, MATCH) for name in names)), rows, caption)]


def _summary_sentence(display_name: str, result: FaceVoiceEvaluation, name: str) -> str:
    """Summarise the results of one model in a sentence."""
    subject = f"{display_name[:1].upper()}{display_name[1:]}"
    if not _above_chance(result, "all", name):
        return f"{subject}: the AUC of faces and voices is not significantly above chance."
    if _above_chance(result, "sex and age", name):
        return f"{subject} matches faces better than sex and age alone would allow."
    if _above_chance(result, "sex", name):
        return f"{subject} matches faces better than sex alone would allow."
    return f"{subject} matches faces better than chance, but not significantly better than sex alone would allow."


def _above_chance(result: FaceVoiceEvaluation, within: str, name: str) -> bool:
    """Whether it is significantly better than chance within a group; False if that was not measured."""
    scores = [row.figures.get("AUC") for row in result.rows if (row.within, row.encoder) == (within, name)]
    return any(score is not None and score.low > CHANCE for score in scores)


def _trained_models(result: FaceVoiceEvaluation) -> list[str]:
    """Names of the trained models, the demo's first."""
    return [name for name in dict.fromkeys(row.encoder for row in result.rows) if name != "untrained"]


def _row(result: FaceVoiceEvaluation, within: str, encoder: str) -> FaceVoiceRow:
    return next(row for row in result.rows if (row.within, row.encoder) == (within, encoder))


def _people(result: FaceVoiceEvaluation) -> str:
    return f"{sum(result.clips.values())} clips of {sum(result.persons.values())} people"


def _with_interval(score: Score) -> str:
    return f"{score.value:.1%} ({100 * score.low:.1f} to {100 * score.high:.1f})"


def _too_little_data(what: str, reason: str) -> Text:
    return Text(f"{what}: too little data. {reason[:1].upper()}{reason[1:]}.")


def _games(results: GameResults, measured: FaceVoiceEvaluation | str) -> list[Section]:
    """Section with a voice and ranked faces for each game."""
    if not results.games:
        return []
    name = FACE_ENCODER_NAMES.get(results.model, f"the model trained above (this package has no {PACKAGED})")
    correct = sum(game.correct == 0 for game in results.games)
    count = len(results.games[0].faces)
    text = (
        f"Guess first: whose voice is it? {count} people were sampled from the held-out ones, and {name} ranked their "
        "faces for the voice of one of them, with the estimated probabilities. It was right in "
        f"{correct} of {len(results.games)} games{_overall(results, measured, count)}."
    )
    blocks: list[Block] = [Text(text)]
    for game in results.games:
        blocks += [Audio(encode_sound(game.voice.audio), "The voice."), _ranking(game)]
    return [Section("Whose voice is it?", blocks)]


def _overall(results: GameResults, measured: FaceVoiceEvaluation | str, count: int) -> str:
    """Accuracy over all held-out people, if it was measured."""
    if isinstance(measured, str):
        return ""
    score = _row(measured, "all", results.model).figures.get(f"voice to face, 1 of {count}")
    if not score:
        return ""
    return f"; over all held-out people it is right in {score.value:.0%} of cases (chance {1 / count:.0%})"


def _ranking(game: Game) -> Gallery:
    faces = [
        (jpeg(clip.video[clip.frames // 2]), f"{probability:.0%}{', the speaker' if index == game.correct else ''}")
        for index, (clip, probability) in enumerate(zip(game.faces, game.probabilities, strict=True))
    ]
    return Gallery(faces, "Most probable first.")
