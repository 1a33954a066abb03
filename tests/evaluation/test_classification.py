"""From recordings to a table: what can be heard is found, what cannot is at chance, and bad input is a sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from seehear.errors import CorpusError, ModelError, SeehearError
from seehear.evaluation.baselines import ComparedEncoder, compared_encoder
from seehear.evaluation.cross_validation import Protocol
from seehear.evaluation.probes.heads import BGRUOptions
from seehear.evaluation.probes.training import fixed_seed
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.result import EvaluationResult
from seehear.evaluation.runner import classify
from seehear.metrics.bootstrap import Estimate
from tones import HZ, Ear, recording, tone, tones


def ear(name: str = "ear", mode: str = "frozen", layer: str | None = None) -> ComparedEncoder:
    def make(seed: int) -> Ear:
        with fixed_seed(seed):
            return Ear().eval()

    return ComparedEncoder(name, mode, make, random_weights=True, layer=layer)  # type: ignore[arg-type]


def deaf() -> ComparedEncoder:
    class Deaf(Ear):
        def layer_outputs(self, audio: torch.Tensor) -> dict[str, torch.Tensor]:
            return {name: states * 0 for name, states in super().layer_outputs(audio).items()}

    return ComparedEncoder("deaf", "frozen", lambda seed: Deaf().eval())


def words(
    data: Recordings, named: Sequence[ComparedEncoder], protocol: Protocol, readout: str = "pooled"
) -> EvaluationResult:
    return classify("words", data, "word", named, readout, protocol)  # type: ignore[arg-type]


def test_what_is_heard_is_found_and_the_deaf_are_at_chance() -> None:
    result = words(tones(), [ear(), deaf()], Protocol(split="leave-one-speaker-out", seeds=2))
    assert result.row("ear").main.value > 0.9
    assert result.row("deaf").main.value == pytest.approx(1 / 3)
    assert result.chance == {"accuracy": pytest.approx(1 / 3), "UAR": pytest.approx(1 / 3)}
    (against,) = result.comparisons
    assert against.difference > 0.6
    assert against.p < 0.01
    assert (result.recordings, result.tested, result.speakers, result.units) == (72, 72, 6, "speakers")
    assert np.sum(result.row("ear").confusion) == 2 * 72
    assert result.classes == ("high", "low", "middle")


def test_two_test_speakers_are_two_units_not_24_recordings() -> None:
    result = words(tones(), [ear(), deaf()], Protocol(seeds=1))
    assert (result.units, result.tested, result.rows[0].main.units) == ("speakers", 24, 2)
    assert "over 2 speakers (t with bootstrap standard error)" in str(result)


@pytest.mark.trains
@pytest.mark.parametrize("mode", ["frozen", "finetuned", "scratch"])
@pytest.mark.parametrize("readout", ["pooled", "bgru"])
def test_every_mode_and_readout_learns(mode: str, readout: str) -> None:
    options = BGRUOptions(hidden=8, layers=1, epochs=15, lr=0.02, encoder_lr=0.3, batch=16)
    result = words(tones(), [ear(mode=mode)], Protocol(seeds=1, bgru=options), readout)
    assert result.rows[0].main.value > 0.6  # guessing: a third; there are 48 examples to learn from
    assert result.rows[0].mode == mode


def test_noise_takes_what_it_takes() -> None:
    protocol = Protocol(split="leave-one-speaker-out", seeds=1, noise="white", snr_db=(-20.0, 0.0, 60.0))
    row = words(tones(), [ear()], protocol).rows[0]
    assert list(row.by_snr) == [-20.0, 0.0, 60.0]
    assert row.by_snr[60.0].value == pytest.approx(row.main.value, abs=0.05)
    assert row.by_snr[-20.0].value < row.main.value - 0.2
    assert row.loss_by_noise == pytest.approx(1 - row.by_snr[0.0].value / row.main.value)


def test_clean_scores_do_not_depend_on_noise_or_company() -> None:
    alone = words(tones(), [ear()], Protocol(seeds=2))
    noisy = words(tones(), [deaf(), ear()], Protocol(seeds=2, noise="pink", snr_db=(0.0,)))
    assert alone.row("ear").figures == noisy.row("ear").figures


def test_a_layer_can_be_chosen() -> None:
    class TwoEars(Ear):
        """Its last layer is deaf."""

        def layer_outputs(self, audio: torch.Tensor) -> dict[str, torch.Tensor]:
            states = super().layer_outputs(audio)
            return {"heard": states["heard"], "last": states["last"] * 0}

    named = [
        ComparedEncoder(layer, "frozen", lambda seed: TwoEars().eval(), layer=layer) for layer in ("heard", "last")
    ]
    result = words(tones(), named, Protocol(seeds=1))
    assert result.row("heard").main.value > 0.9
    assert result.row("last").main.value == pytest.approx(1 / 3)


def test_an_error_rate_rises_with_noise() -> None:
    result = words(tones(), [ear()], Protocol(seeds=1, noise="white", snr_db=(0.0,)))
    row = replace(result.rows[0], figures={"WER": Estimate(0.2, 0, 0, 0, (0.2,))})
    noisy = replace(row, by_snr={0.0: Estimate(0.5, 0, 0, 0, (0.5,))})
    silent = replace(noisy, figures={"WER": Estimate(0.0, 0, 0, 0, (0.0,))})
    said = str(replace(result, rows=(noisy, silent), higher_is_better=False))
    assert "rise at 0 dB" in said
    assert "150.0%" in said
    assert "-150.0%" not in said


def test_it_prints_and_serialises() -> None:
    data = Recordings(tones(), "tones", {"broken.wav": "it has no audio"})
    result = words(data, [ear(), deaf()], Protocol(seeds=2, noise="white", snr_db=(0.0,)))
    told = str(result)
    for text in ("words on tones", "ear", "deaf", "95 % interval", "loss at 0 dB", "broken.wav: it has no audio"):
        assert text in told
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["rows"][0]["figures"]["accuracy"]["per_seed"] == list(result.rows[0].main.per_seed)
    assert plain["rows"][0]["by_snr"]["0"]["value"] == result.rows[0].by_snr[0.0].value
    assert plain["comparisons"][0]["against"] == "deaf"


def test_shares_of_each_true_class_are_printed() -> None:
    result = words(tones(), [ear()], Protocol(split="leave-one-speaker-out", seeds=1))
    lines = str(result).splitlines()
    title = next(number for number, line in enumerate(lines) if "is taken for what" in line)
    shares = [[int(cell) for cell in line.split("│")[2:-1]] for line in lines[title:] if line.startswith("│")][:3]
    assert [sum(row) for row in shares] == pytest.approx([100] * 3, abs=2)
    assert min(row[place] for place, row in enumerate(shares)) > 60


def test_classes_that_were_not_tested_are_told() -> None:
    from dataclasses import replace

    result = words(tones(), [ear()], Protocol(seeds=1))
    assert not any("Only" in line for line in result.remarks())
    seen = [counts if place == 0 else [0, 0, 0] for place, counts in enumerate(result.rows[0].confusion or [])]
    alone = replace(result, rows=(replace(result.rows[0], confusion=seen),))
    assert any("Only 1 of 3 classes" in line for line in alone.remarks())


def test_one_class_is_a_sentence() -> None:
    data = tones().where(["word=low"])
    with pytest.raises(CorpusError, match="tones has only one word"):
        words(data, [ear()], Protocol())


def test_one_speaker_is_a_sentence() -> None:
    with pytest.raises(CorpusError, match=r"tones has 1 speakers.*--split random"):
        words(tones(speakers=1), [ear()], Protocol())
    assert words(tones(speakers=1), [ear()], Protocol(split="random", seeds=1)).speakers == 1


def test_a_training_part_of_one_class_is_a_sentence() -> None:
    made = [
        recording(f"{s}{i}", tone(HZ[word], 0.2), {"word": word, "speaker": s})
        for s, word in (("a", "low"), ("b", "low"), ("c", "high"))
        for i in range(2)
    ]
    with pytest.raises(CorpusError, match="has one word only"):
        words(Recordings(made, "data"), [ear()], Protocol(split="leave-one-speaker-out"))


def test_no_seeds_is_a_sentence() -> None:
    with pytest.raises(SeehearError, match="--seeds must be 1 or more"):
        Protocol(seeds=0)


def test_handcrafted_features_have_no_weights() -> None:
    assert compared_encoder("mfcc", "mfcc").encoder(0).dim == 39
    assert compared_encoder("logmel", "some/run", "finetuned").mode == "frozen"
    for name in ("untrained", "scratch", "finetuned"):
        with pytest.raises(ModelError, match="mfcc has no weights"):
            compared_encoder(name, "mfcc")
    with pytest.raises(ModelError, match="use --mode frozen"):
        compared_encoder("mfcc", "mfcc", "finetuned")


def test_no_such_model_is_a_sentence() -> None:
    with pytest.raises(ModelError, match="there is no model 'nothing'"):
        compared_encoder("nothing", "nothing")
