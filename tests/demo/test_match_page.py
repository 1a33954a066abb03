"""What the page says of faces and voices is what the numbers say, and no more."""

from dataclasses import replace

import numpy as np
import pytest

from seehear.clip import Clip
from seehear.demo.match import FaceVoiceScores, Game, GameResults, _summary_sentence, match_sections
from seehear.demo.sync import TrainedModel
from seehear.evaluation.result import Row
from seehear.evaluation.speaker.result import FaceVoiceEvaluation, FaceVoiceRow, SpeakerEvaluation
from seehear.metrics.bootstrap import Comparison, Estimate
from seehear.training.pretrain import PretrainResult

RUN = "somewhere/match"
LEARNED = TrainedModel(
    PretrainResult(RUN, 20, 10.0, 1000, 1_500_000, {}),
    [{"step": 0, "voice_eer": 0.4, "face_voice_auc": 0.5}, {"step": 20, "loss": 3.0}, {"step": 20, "voice_eer": 0.2}],
)


def figure(value: float, wide: float = 0.04) -> Estimate:
    return Estimate(value, 0.0, value - wide, value + wide, (value,))


def against(name: str, difference: float, p: float) -> Comparison:
    return Comparison(name, difference, difference - 0.04, difference + 0.04, p, None)


def voices() -> SpeakerEvaluation:
    return SpeakerEvaluation(
        task="speaker verification",
        data="corpus",
        rows=tuple(
            Row(name, "frozen", {"EER": figure(value)}, {})
            for name, value in ((RUN, 0.2), ("match-small", 0.1), ("untrained", 0.3), ("logmel", 0.31), ("mfcc", 0.21))
        ),
        comparisons=(
            against("match-small", 0.1, 0.001),
            against("untrained", -0.1, 0.001),
            against("logmel", -0.11, 0.001),
            against("mfcc", -0.01, 0.5),
        ),
        higher_is_better=False,
        chance={"EER": 0.5},
        classes=(),
        recordings=192,
        tested=192,
        speakers=384,
        units="speakers",
        setting={},
        left_out={},
        pairs=(96, 18000),
        det={},
        also_trained=None,
        calibration=None,
        beside={},
    )


def faces(everybody: float = 0.7, of_one_sex: float = 0.6, remarks: tuple[str, ...] = ()) -> FaceVoiceEvaluation:
    ways = [f"{way}, 1 of {count}" for way in ("voice to face", "face to voice") for count in (2, 4)]
    rows = [
        FaceVoiceRow(
            "unseen-unheard",
            within,
            name,
            {} if auc is None else {"AUC": figure(auc), "EER": figure(1 - auc)} | {way: figure(auc) for way in ways},
            (96, 18000),
            None if name == RUN else against(name, 0.0, 0.9),
        )
        for within, auc in (("all", everybody), ("sex", of_one_sex), ("age", None))
        for name in (RUN, "match-small", "untrained")
    ]
    people = "unseen-unheard"
    return FaceVoiceEvaluation("corpus", tuple(rows), {}, {people: 192}, {people: 96}, {}, remarks)


def clip(brightness: int) -> Clip:
    video = np.full((6, 128, 128, 3), brightness, np.uint8)
    return Clip(video, np.zeros((6, 5, 2), np.float32), np.zeros(6 * 640, np.float32), {})


def page(known: FaceVoiceScores, played: GameResults = GameResults("match-small", [])) -> str:  # noqa: B008  frozen
    return "".join(section.to_html() for section in match_sections(LEARNED, known, played))


def test_errors_of_voices_have_their_interval_chance_and_rivals() -> None:
    told = page(FaceVoiceScores(voices(), faces()))
    assert "<td>match</td><td class=number>20.0% (16.0 to 24.0)</td>" in told
    assert "EER (chance 50 %)" in told
    assert "192 recordings of held-out people: 96 pairs of the same person, 18000 of different people" in told
    assert "Voices: match is better than its speech encoder, untrained and log-mel (80); it is worse than" in told
    assert "it is not significantly different from MFCC with deltas (39)" in told


def test_faces_have_their_interval_chance_and_what_has_to_be_known() -> None:
    told = page(FaceVoiceScores(voices(), faces(remarks=("3 people have one clip only.",))))
    assert "AUC (chance 50 %)" in told
    assert "<td class=number>70.0% (66.0 to 74.0)</td>" in told
    assert "192 clips of 96 people" in told
    assert "3 people have one clip only." in told


def test_groups_without_rivals_are_left_out() -> None:
    told = page(FaceVoiceScores(voices(), faces()))
    assert "<td>the same sex</td>" in told
    assert "the same age" not in told
    assert "nan" not in told


@pytest.mark.parametrize(
    ("everybody", "of_one_sex", "said"),
    [
        (0.53, 0.51, "not significantly above chance"),
        (0.70, 0.53, "not significantly better than sex alone"),
        (0.70, 0.60, "better than sex alone"),
        (0.53, 0.60, "not significantly above chance"),
    ],
)
def test_no_more_is_said_of_faces_than_the_intervals_bear(everybody: float, of_one_sex: float, said: str) -> None:
    assert said in _summary_sentence("match", faces(everybody, of_one_sex), RUN)


def test_beyond_sex_and_age_is_said_where_it_is_so() -> None:
    known = faces()
    row = replace(known.rows[0], within="sex and age", figures={"AUC": figure(0.56)})
    beyond = replace(known, rows=(*known.rows, row))
    assert "sex and age" in _summary_sentence("the packaged", beyond, RUN)
    assert "sex and age" not in _summary_sentence("the packaged", known, RUN)


def test_too_little_data_is_told_in_place_of_tables() -> None:
    told = page(FaceVoiceScores("no pairs", "corpus has one person"))
    assert "Voices: too little data. No pairs." in told
    assert "Faces: too little data. Corpus has one person." in told
    assert "<table>" not in told
    assert "Whose voice is it?" not in told


def test_a_game_shows_the_faces_in_order_and_who_it_was() -> None:
    game = Game(clip(0), [clip(10), clip(20), clip(30), clip(40)], [0.5, 0.3, 0.15, 0.05], correct=1)
    told = page(FaceVoiceScores(voices(), faces()), GameResults("match-small", [game, game]))
    assert told.count("<audio") == 2
    assert "<small>50%</small>" in told
    assert "<small>30%, the speaker</small>" in told
    assert told.index("<small>50%") < told.index("<small>30%") < told.index("<small>5%")
    assert "in 0 of 2 games; over all held-out people it is right in 70% of cases (chance 25%)" in told


def test_without_the_package_s_model_the_one_just_learned_plays_and_the_page_says_so() -> None:
    game = Game(clip(0), [clip(10)] * 4, [0.5, 0.3, 0.15, 0.05], correct=0)
    told = page(FaceVoiceScores(voices(), "too few"), GameResults(RUN, [game]))
    assert "the model trained above" in told
    assert "in 1 of 1 games." in told
