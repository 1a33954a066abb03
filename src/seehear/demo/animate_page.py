"""What the demo's page tells of animation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from seehear.demo.animate import Drawn, Ear, Spoken
from seehear.demo.comparing import difference, verdict
from seehear.demo.pictures import jpeg
from seehear.demo.sync import Learned
from seehear.report import Figure, Filmstrip, Section, Table, Text, Video
from seehear.report.html import Block
from seehear.report.plots import INK, drawing, to_svg
from seehear.tasks.animate_result import ANOTHER, AnimateResult
from seehear.tasks.measuring import BEST_BASELINE
from seehear.tasks.result import Result, percent_range
from seehear.tasks.units import counted
from seehear.tools.measurement import Measurement
from seehear.tools.verdict import Verdict, delay_in_words

CALLED = {
    "animate-small": "the package's animate-small, which has learned for longer",
    "untrained": "the same encoder, untrained",
    "logmel": "log-mel (80)",
    "mfcc": "MFCC with deltas (39)",
    BEST_BASELINE: "the better of these two, by people who are not tested",
}


def animate_sections(learned: Learned, ear: Ear, drawn: Drawn, spoken: Spoken) -> list[Section]:
    """Learning to draw, somebody who is made to speak, and what was heard for it."""
    return [_learning(learned, drawn), _speaking(spoken), _hearing(ear)]


def _learning(learned: Learned, drawn: Drawn) -> Section:
    summary, result = learned.summary, drawn.result
    said = (
        f"A second model, of {summary.parameters / 1e6:.2f} million parameters, gets one picture of a person and the "
        f"sound, and draws the video ({summary.steps} steps in {summary.seconds:.0f} s). To draw the mouth it has "
        "to hear what is said, and how. Nobody told it that either."
    )
    found = (
        f"On {result.clips} clips of people it has never seen, the drawn mouth differs from the real one by "
        f"{100 * result.drawn:.2f} % of full scale, the still picture left as it is by {100 * result.copied:.2f} %. So "
        f"drawing is {abs(result.lower):.1%} {'nearer' if result.lower >= 0 else 'farther off'} (95 % interval "
        f"{percent_range(result.low, result.high)} over {counted(result.unit_count, result.units)}; 0 % would be no "
        f"better than a still).{_heard(result)}"
    )
    shown = "Above: difference from the real pictures while it learned. Below: by how much the mouth is nearer."
    curves = Figure(_curves(learned.metrics), shown)
    strips: list[Block] = []
    for strip in drawn.strips:
        strips.append(Filmstrip([jpeg(picture) for picture in strip.real], "Real."))
        strips.append(Filmstrip([jpeg(picture) for picture in strip.drawn], "Drawn from the first one and the sound."))
    return Section("A still face learns to speak", [Text(said), curves, Text(found), *strips])


def _heard(result: AnimateResult) -> str:
    """How much of that is the clip's own sound."""
    wrong = result.control(ANOTHER)
    if wrong is None:
        return ""
    return (
        f" Part of that is not heard: drawn with another clip's sound it is {wrong.lower.value:+.1%}. What its own "
        f"sound adds, in points: {difference(wrong.gain)}."
    )


def _curves(metrics: Sequence[Mapping[str, float]]) -> str:
    with drawing(2, height=2.0) as (figure, (l1, nearer)):
        for name, label in (
            ("l1", "drawn, trained on"),
            ("copied", "the still, trained on"),
            ("dev_l1", "drawn, held out"),
        ):
            _plot(l1, metrics, name, label, 100)
        _plot(nearer, metrics, "mouth_lower", "held-out mouths", 100)
        nearer.axhline(0, color=INK, lw=1, ls=":", label="the still, left as it is")
        l1.set_ylabel("L1, % of full scale")
        nearer.set_ylabel("nearer than the still, %")
        nearer.set_xlabel("training step")
        for axes in (l1, nearer):
            axes.legend(fontsize="small")
    return to_svg(figure)


def _plot(axes: Axes, metrics: Sequence[Mapping[str, float]], name: str, label: str, factor: float) -> None:
    rows = [(row["step"], factor * row[name]) for row in metrics if name in row]
    if rows:
        axes.plot(*zip(*rows, strict=True), label=label, marker="." if len(rows) < 30 else None)


def _speaking(spoken: Spoken) -> Section:
    said = (
        "The first picture of a film of somebody whom neither model has seen, and the film's sound, are all that the "
        "drawn film is made of. What cannot be heard stays as it was: nobody hears a blink, or a turn of the head. The "
        "lip-sync model above, which has never met a drawn mouth, was asked about both: the sound of the real film is "
        f"{_measured(spoken.real)}, that of the drawn one {_measured(spoken.drawn)}."
    )
    videos = [Video(spoken.real.path.read_bytes(), "Real."), Video(spoken.drawn.path.read_bytes(), "Drawn.")]
    return Section("Somebody speaks", [Text(said), *videos])


def _measured(found: Measurement) -> str:
    if found.delay_ms is None:
        return "beyond measuring"
    guess = "perhaps " if found.verdict is Verdict.CANNOT_TELL else ""
    return f"{guess}{delay_in_words(found.delay_ms)} (confidence {found.confidence:.2f})"


def _hearing(ear: Ear) -> Section:
    said = (
        "Whoever draws a face from a voice must have understood something of it. The encoder of sound is frozen; what "
        "it hears of a clip (mean and deviation in four parts of it) goes into a logistic regression, trained with the "
        "labels of people that the model was trained on and tested on people it has never met. The same for sounds as "
        "they are, and for an encoder with random weights, which is no weak rival."
    )
    return Section("What its ear knows", [Text(said), *_told("Emotions", ear.emotion), *_told("Words", ear.words)])


def _told(what: str, result: Result | str) -> list[Block]:
    if isinstance(result, str):
        return [Text(f"{what}: too little data to tell. {result[:1].upper()}{result[1:]}.")]
    compared = {one.against: one for one in result.comparisons}
    rows = [
        (
            CALLED.get(row.encoder, "animate"),
            f"{row.main.value:.1%}",
            f"{row.main.low:.1%} to {row.main.high:.1%}",
            f"{row.figures['F1'].value:.2f}",
            difference(compared[row.encoder]) if row.encoder in compared else "",
        )
        for row in result.rows
    ]
    caption = (
        f"{what}: {len(result.classes)} classes, chance {result.chance['accuracy']:.1%}; {result.tested} recordings "
        f"tested. Differences in points, with 95 % intervals over "
        f"{counted(result.rows[0].main.units, result.units)}."
    )
    table = Table(("encoder, frozen", "accuracy", "95 % interval", "F1", "animate is better by"), rows, caption)
    return [table, Text(verdict(what, "animate", result.comparisons, CALLED))]
