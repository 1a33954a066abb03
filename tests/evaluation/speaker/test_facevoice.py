"""Faces and voices from clips to tables: who knows people, who knows their sex only, and who knows nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from people import Clips, Knows, clips_of
from seehear.cli.parser import parse
from seehear.cli.verbs import VERBS
from seehear.errors import CorpusError, ModelError, SeehearError
from seehear.evaluation.speaker import facevoice
from seehear.evaluation.speaker.facevoice import embed_clips, evaluate_facevoice, has_distractors
from seehear.evaluation.speaker.result import FaceVoiceEvaluation
from seehear.models import store


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Models by name, and the clips that are the corpus."""
    there: dict[str, object] = {"knows": Knows(), "clips": clips_of()}
    monkeypatch.setattr(store, "load_identity_model", lambda name, device=None: there[name])
    monkeypatch.setattr(facevoice, "untrained_like", lambda name, seed: Knows(seed=seed))
    monkeypatch.setattr(facevoice, "Corpus", lambda place: there["clips"])
    return there


def told(**flags: object) -> FaceVoiceEvaluation:
    result = evaluate_facevoice(**({"model": "knows", "corpus": Path("people"), "seconds": 0.2} | flags))  # type: ignore[arg-type]
    assert isinstance(result, FaceVoiceEvaluation)
    return result


def test_who_knows_people_matches_them_and_who_knows_nothing_guesses(world) -> None:
    result = told()
    model, blind = (result.row("unseen-unheard", "all", name) for name in ("knows", "untrained"))
    assert model.figures["AUC"].value == 1.0
    assert model.figures["EER"].value == 0.0
    assert model.figures["voice to face, 1 of 10"].value == model.figures["face to voice, 1 of 10"].value == 1.0
    assert blind.figures["AUC"].value == pytest.approx(0.5, abs=0.2)
    assert model.pairs == (12 * 2, 24 * 22)  # voice of one clip and face of the other, both ways
    assert blind.against is not None
    assert blind.against.low <= blind.against.difference <= blind.against.high
    assert result.chance["voice to face, 1 of 10"] == 0.1
    assert result.setting["faces found by"] == "yunet-2023mar"


def test_within_a_group_its_label_tells_nothing(world) -> None:
    clips = world["clips"]
    assert isinstance(clips, Clips)
    two = {"man": 0.2, "woman": 0.8}
    for row, sex in enumerate(clips.labels("sex")):
        clips[row].video[:] = round(255 * two[sex])
        clips[row].audio[:] *= two[sex] / np.abs(clips[row].audio).max()
    result = told(baselines=[])
    everybody, alike = (result.row("unseen-unheard", within, "knows") for within in ("all", "sex"))
    assert everybody.figures["AUC"].value == pytest.approx((6 * 1 + 5 * 0.5) / 11)
    assert alike.figures["AUC"].value == pytest.approx(0.5)
    assert alike.pairs == (12 * 2, 24 * 10)


def test_ages_are_grouped_by_the_ten_years_and_both_labels_together(world) -> None:
    result = told(baselines=[])
    assert sorted({row.within for row in result.rows}) == ["age", "all", "sex", "sex and age"]
    assert result.row("unseen-unheard", "age", "knows").pairs == (24, (20 * 18) + (4 * 2))  # twenties, and two of 30
    assert result.row("unseen-unheard", "sex and age", "knows").pairs == (24, 2 * 10 * 8)
    found = result.row("unseen-unheard", "sex and age", "knows").figures
    assert found["voice to face, 1 of 9"].value == 1.0  # nobody has more than eight clips of others in the group
    assert "voice to face, 1 of 10" not in found
    assert "-" in str(result)


def test_people_of_the_training_corpus_are_told_apart(world) -> None:
    model = world["knows"]
    assert isinstance(model, Knows)
    model.config["trained"] = {"corpus": ["people"], "split_by": "speaker", "dev_every": 3}
    result = told(baselines=[])
    assert {row.people for row in result.rows} == {"seen-heard", "unseen-unheard"}
    assert (result.persons["seen-heard"], result.persons["unseen-unheard"]) == (8, 4)
    assert told(baselines=[], corpus=Path("others")).persons == {"unseen-unheard": 12}
    assert told(baselines=[], split="dev").persons == {"unseen-unheard": 4}


def test_people_with_one_clip_are_said(world) -> None:
    world["clips"] = clips_of(takes=1)
    result = told(baselines=[])
    assert result.rows[0].pairs == (12, 12 * 11)
    assert "12 of the unseen-unheard have one clip only" in str(result)


def test_result_is_tables_and_json(world) -> None:
    plain = json.loads(json.dumps(told().to_dict()))
    assert "voice to face, 1 of 7" in plain["rows"][0]["figures"]
    said = str(told(seeds=2))
    assert "unseen-unheard" in said
    assert "1 of 10" in said


def test_each_clip_is_heard_and_seen_as_by_itself() -> None:
    model, clips = Knows(), clips_of(5, 2, frames=7)
    seen = embed_clips(model, clips, stills=3, seconds=0.12, name="test")  # type: ignore[arg-type]
    for row, clip in enumerate(clips):
        import torch

        own = model.mean(torch.from_numpy(model.embed_segments(clip.audio, 16000, 0.12, 0.12)))
        torch.testing.assert_close(seen.voices[row], own, atol=1e-5, rtol=0)
        face = model.mean(model.embed_face(torch.from_numpy(clip.video[[1, 3, 5]])))
        torch.testing.assert_close(seen.faces[row], face.detach(), atol=1e-5, rtol=0)


def test_what_cannot_be_done_is_a_sentence(world) -> None:
    asked: list[tuple[type[SeehearError], str, dict[str, object]]] = [
        (CorpusError, "--stills must be", {"stills": 0}),
        (CorpusError, "--clips must be", {"clips": 0}),
        (CorpusError, "--seconds must be", {"seconds": 0.0}),
        (SeehearError, "--seeds must be", {"seeds": 0}),
    ]
    for error, sentence, flags in asked:
        with pytest.raises(error, match=sentence):
            told(**flags)
    world["clips"] = clips_of(1, 3)
    with pytest.raises(CorpusError, match="one person"):
        told()


def test_a_model_of_something_else_is_a_sentence() -> None:
    with pytest.raises(ModelError, match="telling people apart needs a match model"):
        evaluate_facevoice("sync-small", Path("people"))


def test_flags_are_the_signature() -> None:
    words = "run a --within language --split both --stills 3"
    given = parse("evaluate facevoice", VERBS["evaluate facevoice"], words.split()).arguments
    assert (given["model"], str(given["corpus"]), list(given["within"])) == ("run", "a", ["language"])
    assert (given["split"], given["stills"]) == ("both", 3)


def test_a_group_of_one_has_no_rivals() -> None:
    people = np.array([0, 0, 1, 2])
    assert has_distractors(people, np.array([0, 0, 0, 1]))
    assert not has_distractors(people, np.array([0, 0, 1, 2]))
    assert not has_distractors(people, np.array([-1, -1, -1, 0]))
