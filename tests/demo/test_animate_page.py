"""What the page says of a read-out is what the numbers say."""

from seehear.demo.animate import SpeechProbes, _probe_section
from seehear.evaluation.result import EvaluationResult, Row
from seehear.metrics.bootstrap import Comparison, Estimate


def row(encoder: str, accuracy: float) -> Row:
    figure = Estimate(accuracy, 0.0, accuracy - 0.05, accuracy + 0.05, (accuracy,), 40)
    return Row(encoder, "frozen", {"accuracy": figure, "F1": figure}, {})


def against(name: str, difference: float, p: float) -> Comparison:
    return Comparison(name, difference, difference - 0.04, difference + 0.04, p, None)


def result() -> EvaluationResult:
    return EvaluationResult(
        task="emotion",
        data="corpus",
        rows=(row("somewhere/animate", 0.52), row("untrained", 0.40), row("logmel", 0.55), row("mfcc", 0.51)),
        comparisons=(against("untrained", 0.12, 0.001), against("logmel", -0.03, 0.01), against("mfcc", 0.01, 0.6)),
        higher_is_better=True,
        chance={"accuracy": 0.15},
        classes=("angry", "happy"),
        recordings=700,
        tested=192,
        speakers=384,
        units="speakers",
        setting={},
        left_out={},
    )


def test_a_table_names_the_encoders_and_where_chance_is() -> None:
    page = _probe_section(SpeechProbes(result(), "12 words were said")).to_html()
    assert "<td>animate</td><td class=number>52.0%</td>" in page
    assert "+12.0 (+8.0 to +16.0), p = 0.001" in page
    assert "2 classes, chance 15.0%; 192 recordings tested" in page
    assert "intervals over 40 speakers" in page


def test_too_little_data_is_told_in_place_of_a_table() -> None:
    page = _probe_section(SpeechProbes("corpus has one speaker", result())).to_html()
    assert "Emotions: too little data. Corpus has one speaker." in page
    assert page.count("<table>") == 1
