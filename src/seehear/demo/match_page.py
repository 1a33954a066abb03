"""What the demo's page tells of faces and voices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seehear.demo.comparing import difference, verdict
from seehear.demo.match import SHIPPED, Acquaintance, Game, Played
from seehear.demo.pictures import jpeg
from seehear.demo.sync import Learned
from seehear.media.clipbytes import encode_sound
from seehear.report import Audio, Figure, Gallery, Section, Table, Text
from seehear.report.html import Block
from seehear.report.plots import INK, drawing, to_svg
from seehear.tasks.significance import Figure as Score
from seehear.tasks.verification.facevoice_outcome import FaceVoiceResult, FaceVoiceRow
from seehear.tasks.verification.outcome import VerificationResult

MATCH = "match"
HEARD = {
    SHIPPED: f"the package's {SHIPPED}",
    "untrained": "its encoder of sound, untrained",
    "logmel": "log-mel (80)",
    "mfcc": "MFCC with deltas (39)",
}
SEEN = {SHIPPED: HEARD[SHIPPED], "untrained": "the same model, untrained"}
OF_TWO = ("voice to face, 1 of 2", "face to voice, 1 of 2")
GUESSING = 0.5


def match_sections(learned: Learned, known: Acquaintance, played: Played) -> list[Section]:
    """Learning faces and voices, what is known of people never met, and a game."""
    return [_learning(learned), _known(known), *_games(played, known.faces)]


def _learning(learned: Learned) -> Section:
    summary = learned.summary
    said = (
        f"A third model, of {summary.parameters / 1e6:.2f} million parameters, hears a second of somebody's voice and "
        f"sees the faces of others and of the one who speaks ({summary.steps} steps in {summary.seconds:.0f} s). It "
        "learns which face it is, and that two pieces of one recording are one voice. Nobody told it who anybody is."
    )
    shown = "Above: loss. Below: on clips of held-out people, each of them taken for a person of its own."
    return Section("Faces and voices", [Text(said), Figure(_curves(learned.metrics), shown)])


def _curves(metrics: Sequence[Mapping[str, float]]) -> str:
    with drawing(2, height=2.0) as (figure, (loss, share)):
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


def _known(known: Acquaintance) -> Section:
    measured = [result for result in (known.voices, known.faces) if not isinstance(result, str)]
    shipped = any(row.encoder == SHIPPED for result in measured for row in result.rows)
    said = "What it has learned in these minutes, beside the same shape with random weights and sounds as they are" + (
        f"; and beside {HEARD[SHIPPED]}, which has learned for longer and from more people." if shipped else "."
    )
    return Section("People it has never met", [Text(said), *_voices(known.voices), *_faces(known.faces)])


def _voices(result: VerificationResult | str) -> list[Block]:
    if isinstance(result, str):
        return [_too_little("Voices", result)]
    said = (
        "Are two recordings of one voice? Each is a film of its own, with another text, another room and often another "
        "emotion. The equal error rate says how often the answer is wrong, where the line is drawn so that it is as "
        "often wrong in either way: 50 % is guessing, and less is better."
    )
    compared = {one.against: one for one in result.comparisons}
    rows = [
        (
            HEARD.get(row.encoder, MATCH),
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
    return [Text(said), table, Text(verdict("Voices", MATCH, result.comparisons, HEARD, higher_is_better=False))]


def _faces(result: FaceVoiceResult | str) -> list[Block]:
    if isinstance(result, str):
        return [_too_little("Faces", result)]
    said = (
        "Which face goes with a voice? The AUC says how often a voice and its own face score above a voice and "
        "somebody else's, 1 of 2 how often the right one of two is chosen. 50 % is guessing in either."
    )
    everybody = [row for row in result.rows if row.within == "all"]
    rows = [
        (SEEN.get(row.encoder, MATCH), *(_with_interval(row.figures[name]) for name in ("AUC", *OF_TWO)))
        for row in everybody
    ]
    caption = " ".join(
        [f"{_people(result)} who were not trained on; in brackets 95 % intervals over people.", *result.remarks]
    )
    header = ("who looks and listens", "AUC (chance 50 %)", "which face, 1 of 2", "which voice, 1 of 2")
    comparisons = [row.against for row in everybody if row.against]
    return [
        Text(said),
        Table(header, rows, caption),
        Text(verdict("Faces", MATCH, comparisons, SEEN)),
        *_within(result),
        *(Text(_in_words(SEEN.get(name, MATCH), result, name)) for name in dict.fromkeys(_learned(result))),
    ]


def _within(result: FaceVoiceResult) -> list[Block]:
    """The same among people who are alike."""
    names = _learned(result)
    groups = [within for within in dict.fromkeys(row.within for row in result.rows) if within != "all"]
    rows = []
    for group in groups:
        found = [score for name in names if (score := _row(result, group, name).figures.get("AUC"))]
        if len(found) == len(names):  # else too few people share it
            rows.append((f"the same {group}", *map(_with_interval, found)))
    if not rows:
        return []
    caption = "AUC among people who share something: what is known beyond it."
    return [Table(("all are of", *(SEEN.get(name, MATCH) for name in names)), rows, caption)]


def _in_words(called: str, result: FaceVoiceResult, name: str) -> str:
    """What the numbers say that it knows."""
    named = f"{called[:1].upper()}{called[1:]}"
    if not _surely(result, "all", name):
        return f"{named} cannot be said to know which face goes with a voice: its AUC may as well be a guess."
    if _surely(result, "sex and age", name):
        return f"{named} knows something of faces, and more than sex and age."
    if _surely(result, "sex", name):
        return f"{named} knows something of faces, and more than who is a man and who is a woman."
    return f"{named} knows something of faces, but not surely more than who is a man and who is a woman."


def _surely(result: FaceVoiceResult, within: str, name: str) -> bool:
    """Whether it is better than guessing among people who share something, as far as that was measured."""
    scores = [row.figures.get("AUC") for row in result.rows if (row.within, row.encoder) == (within, name)]
    return any(score is not None and score.low > GUESSING for score in scores)


def _learned(result: FaceVoiceResult) -> list[str]:
    """Those that have learned anything, the model of the demo first."""
    return [name for name in dict.fromkeys(row.encoder for row in result.rows) if name != "untrained"]


def _row(result: FaceVoiceResult, within: str, encoder: str) -> FaceVoiceRow:
    return next(row for row in result.rows if (row.within, row.encoder) == (within, encoder))


def _people(result: FaceVoiceResult) -> str:
    return f"{sum(result.clips.values())} clips of {sum(result.persons.values())} people"


def _with_interval(score: Score) -> str:
    return f"{score.value:.1%} ({100 * score.low:.1f} to {100 * score.high:.1f})"


def _too_little(what: str, why: str) -> Text:
    return Text(f"{what}: too little data to tell. {why[:1].upper()}{why[1:]}.")


def _games(played: Played, measured: FaceVoiceResult | str) -> list[Section]:
    """A voice to hear and faces in order, some times over."""
    if not played.games:
        return []
    called = SEEN.get(played.model, f"the model that was just learned (this package has no {SHIPPED})")
    right = sum(game.right == 0 for game in played.games)
    count = len(played.games[0].faces)
    said = (
        f"Guess first: whose voice is it? {count} people were drawn by chance from those that were never met, one was "
        f"heard, and {called} put their faces in order. Under each is how probable it is taken to be. It was right "
        f"{right} of {len(played.games)} times here{_overall(played, measured, count)}."
    )
    blocks: list[Block] = [Text(said)]
    for game in played.games:
        blocks += [Audio(encode_sound(game.voice.audio), "The voice."), _ranking(game)]
    return [Section("Whose voice is it?", blocks)]


def _overall(played: Played, measured: FaceVoiceResult | str, count: int) -> str:
    """How often it is right with everybody, where that was measured."""
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
