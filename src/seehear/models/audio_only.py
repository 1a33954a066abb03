"""APC, CPC, shuffle detection, reconstruction: learned from sound alone.

Which recording was jumbled? Learning from sound alone (Shukla et al. 2020, arXiv 2005.01400, section 3.2).

The sound back from its features: MFCC, log-mel and waveform (Shukla et al. 2020, arXiv 2007.04134, section 2).

Chung, Hsu, Tang & Glass 2019, arXiv 1904.03240: an audio-only baseline of Shukla et al. 2020.

Van den Oord, Li & Vinyals 2018, arXiv 1807.03748, sections 2 and 3.1: an audio-only baseline of Shukla et al. 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.audio.spectrum import MFCC, LogMel
from seehear.clip import SAMPLES_PER_FRAME
from seehear.config import check_minimums
from seehear.errors import ModelError
from seehear.models.interface import PretextModel
from seehear.nn import SpeechName, build_speech_encoder, complete_speech_options
from seehear.nn.layers import MEL_FRAMES
from seehear.nn.small import MEL_DEVIATION, MEL_MEAN
from seehear.nn.speech import LogMelGRU, StridedOptions, StridedSpeech

SHARE = 0.25
"""Of a batch's clips that are jumbled."""


WINDOW = 0.15
"""Length of either of the windows that change places, in lengths of the clip."""


class ShuffleDetection(nn.Module):
    """Tells jumbled clips from whole ones by the mean of their features.

    The paper's classifier reads the last state of its recurrent encoder; the mean over time serves convolutions too.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.classes = nn.Linear(dim, 2)

    def forward(
        self, hear: Callable[[Tensor], Tensor], heard: Tensor, clean: Tensor, rng: Generator | None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Features and loss.

        Jumbled clips are heard beside their whole selves, since no picture belongs to them; the whole selves do not
        take part in the question.

        Args:
            hear: the encoder, (B, 640 T) -> (B, T, dim).
            heard: disturbed sound, (B, 640 T).
            clean: not used.
            rng: decides what is jumbled; without one always the same.

        Returns:
            features of the whole clips (B, T, dim); the cross entropy; and ``told``, the share of right answers.
        """
        rng = rng or Generator(heard.device).manual_seed(0)
        count = max(1, round(SHARE * len(heard)))
        chosen = torch.randperm(len(heard), generator=rng, device=rng.device)[:count].to(heard.device)
        features = hear(torch.cat([heard, swap_windows(heard[chosen], rng)]))
        whole = torch.ones(len(heard), dtype=torch.bool, device=heard.device)
        whole[chosen] = False
        asked = torch.cat([features[: len(heard)][whole], features[len(heard) :]]).mean(1)
        truth = torch.zeros(len(asked), dtype=torch.long, device=heard.device)
        truth[len(asked) - count :] = 1
        answers = self.classes(asked).float()
        told = (answers.argmax(1) == truth).float().mean()
        return features[: len(heard)], F.cross_entropy(answers, truth), {"told": told}


def swap_windows(audio: Tensor, rng: Generator) -> Tensor:
    """Swap two windows of each clip, at random, not overlapping: (B, 640 T) -> (B, 640 T), whole video frames."""
    frames = audio.shape[1] // SAMPLES_PER_FRAME
    window = max(1, int(WINDOW * frames))
    if frames < 2 * window:
        return audio
    jumbled = audio.clone()
    for item, whole in zip(jumbled, audio, strict=True):
        first, second = torch.randint(frames - 2 * window + 1, (2,), generator=rng, device=rng.device).sort().values
        one = slice(int(first) * SAMPLES_PER_FRAME, (int(first) + window) * SAMPLES_PER_FRAME)
        other = slice((int(second) + window) * SAMPLES_PER_FRAME, (int(second) + 2 * window) * SAMPLES_PER_FRAME)
        item[one], item[other] = whole[other], whole[one]
    return jumbled


WIDTHS = (64, 32, 16, 8, 1)


STEPS = (5, 4, 4, 8)
"""Of the transposed convolutions: 25 features a second to 16 000 samples."""


MFCC_DEVIATION = 8.0
"""Of the 13 coefficients of speech, roughly: brings their L1 near that of the log-mel."""


class Reconstruct(nn.Module):
    """One fully connected layer of 256 each for MFCC and log-mel, transposed convolutions for the waveform; L1."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mfcc, self.logmel = MFCC(13), LogMel(80)
        self.to_mfcc = nn.Sequential(nn.Linear(dim, 256), nn.ReLU(), nn.Linear(256, MEL_FRAMES * 13))
        self.to_logmel = nn.Sequential(nn.Linear(dim, 256), nn.ReLU(), nn.Linear(256, MEL_FRAMES * 80))
        layers: list[nn.Module] = []
        for (width, narrower), step in zip(pairwise((dim, *WIDTHS[:-1])), STEPS, strict=True):
            layers += [nn.ConvTranspose1d(width, narrower, step, step), nn.ReLU()]
        self.to_waveform = nn.Sequential(*layers, nn.Conv1d(WIDTHS[-2], WIDTHS[-1], 9, padding=4))

    def forward(
        self, hear: Callable[[Tensor], Tensor], heard: Tensor, clean: Tensor, rng: Generator | None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Features and loss.

        Args:
            hear: the encoder, (B, 640 T) -> (B, T, dim).
            heard: disturbed sound, (B, 640 T).
            clean: the same before: what is to be found again.
            rng: not used.

        Returns:
            features (B, T, dim), the sum of the three L1, and no further numbers.
        """
        features = hear(heard)
        with torch.autocast(clean.device.type, enabled=False), torch.no_grad():
            mfcc = self.mfcc(clean).view(*features.shape[:2], -1) / MFCC_DEVIATION
            logmel = (self.logmel(clean).view(*features.shape[:2], -1) - MEL_MEAN) / MEL_DEVIATION
        waveform = self.to_waveform(features.mT).squeeze(1)
        loss = (
            (self.to_mfcc(features).float() - mfcc).abs().mean()
            + (self.to_logmel(features).float() - logmel).abs().mean()
            + (waveform.float() - clean).abs().mean()
        )
        return features, loss, {}


@dataclass(frozen=True)
class APCOptions:
    """The apc pretext: who predicts, and how far ahead.

    Attributes:
        pretext: whose options these are.
        encoder: of speech; one whose features at 100 a second know of nothing later: logmel-gru.
        sound: options of that encoder that differ from its defaults.
        ahead: frames of 10 ms from what is heard to what is predicted. The windows of frames less than 3 apart share
            samples, so that less is copying.
    """

    pretext: Literal["apc"] = "apc"
    encoder: SpeechName = "logmel-gru"
    sound: dict[str, Any] = field(default_factory=dict)
    ahead: int = 3

    def __post_init__(self) -> None:
        check_minimums("model", self, ahead=1)


class APCModel(PretextModel):
    """A recurrent encoder over a log-mel, and a linear layer that predicts the log-mel from its last layer.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
    """

    name = "apc"
    Options = APCOptions
    logged_metrics = ("copied",)
    needs_pictures = False
    input_view = "mouth-luma"  # which is not looked at, and which sync keeps too

    def __init__(self, options: APCOptions | None = None) -> None:
        """Builds the layers.

        Raises:
            ModelError: an encoder that hears what is to be predicted.
        """
        super().__init__()
        self.options = o = options or APCOptions()
        sound = complete_speech_options(o.encoder, o.sound)
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o) | {"sound": sound}}
        encoder = build_speech_encoder(o.encoder, o.sound)
        if not isinstance(encoder, LogMelGRU) or encoder.reach is None:
            normalised = " whose sound.normalise is fixed" if isinstance(encoder, LogMelGRU) else ""
            raise ModelError(
                f"apc needs an encoder that does not hear the future: model.encoder logmel-gru{normalised}"
            )
        self.encoder = encoder
        self.predict = nn.Linear(encoder.dim, encoder.bands)

    @property
    def speech(self) -> LogMelGRU:
        """The encoder of sound."""
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length; only ``audio`` is heard.
            rng: unused; nothing is drawn.

        Returns:
            ``loss``, the mean absolute difference of predicted and real normalised log-mel (section 2.1, equation 2);
            and ``copied``, that of the last frame heard and the one to be predicted.

        Raises:
            ModelError: the clips are not longer than what is predicted ahead.
        """
        ahead = self.options.ahead
        with torch.autocast(batch["audio"].device.type, enabled=False):
            mel = self.encoder.logmel(batch["audio"].float())
            target = self.encoder.normalise(mel)
        if mel.shape[1] <= ahead:
            raise ModelError(
                f"windows of {10 * mel.shape[1]} ms are too short to predict {10 * ahead} ms ahead; "
                "raise data.min_frames and data.frames, or lower model.ahead"
            )
        heard = self.encoder.frames100(mel[:, :-ahead])
        loss = (self.predict(heard).float() - target[:, ahead:]).abs().mean()
        return {"loss": loss, "copied": (target[:, :-ahead] - target[:, ahead:]).abs().mean()}


@dataclass(frozen=True)
class CPCOptions:
    """The cpc pretext: its encoder, how far ahead it predicts, and from among how many.

    Attributes:
        pretext: whose options these are.
        channels: of the strided convolutions.
        hidden: width of the GRU whose states are the features.
        steps: moments ahead that are predicted, 10 ms each.
        anchors: moments of each clip, drawn at random, that it is predicted from. What follows one of them is a
            negative for all others, of the same clip and of the others of the batch.
    """

    pretext: Literal["cpc"] = "cpc"
    channels: int = 512
    hidden: int = 256
    steps: int = 12
    anchors: int = 16

    def __post_init__(self) -> None:
        check_minimums("model", self, channels=1, hidden=1, steps=1, anchors=1)


class CPCModel(PretextModel):
    """A strided encoder of raw sound, a GRU over it, and a linear layer for each step ahead.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
    """

    name = "cpc"
    Options = CPCOptions
    logged_metrics = ("matched",)
    needs_pictures = False
    input_view = "mouth-luma"  # which is not looked at, and which sync keeps too

    def __init__(self, options: CPCOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or CPCOptions()
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o)}
        self.encoder = StridedSpeech(StridedOptions(o.channels, o.hidden))
        self.predict = nn.Linear(o.hidden, o.steps * o.channels, bias=False)

    @property
    def speech(self) -> StridedSpeech:
        """The encoder of sound."""
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length; only ``audio`` is heard.
            rng: where anchors are drawn from; without one they are spread evenly.

        Returns:
            ``loss``, InfoNCE (equation 4) averaged over steps and anchors; and ``matched``, the share of predictions
            that are nearest to what really follows.

        Raises:
            ModelError: the clips are shorter than the steps.
        """
        moments = self.encoder.local_features(batch["audio"].float())
        times = self._anchors(moments, rng)
        contexts = _at(self.encoder.contexts(moments), times)
        predicted = self.predict(contexts).float().unflatten(-1, (self.options.steps, -1))
        losses, hits = [], []
        for step in range(self.options.steps):
            logits = predicted[:, :, step].flatten(0, 1) @ _at(moments, times + step + 1).flatten(0, 1).T
            own = torch.arange(len(logits), device=logits.device)
            losses.append(F.cross_entropy(logits, own))
            hits.append((logits.detach().argmax(1) == own).float().mean())
        return {"loss": torch.stack(losses).mean(), "matched": torch.stack(hits).mean()}

    def _anchors(self, moments: Tensor, rng: Generator | None) -> Tensor:
        """(B, anchors) different moments of each clip, sorted, all of whose steps ahead are there."""
        clips, free = len(moments), moments.shape[1] - self.options.steps
        count = min(self.options.anchors, free)
        if count < 1:
            raise ModelError(
                f"windows of {10 * moments.shape[1]} ms are too short to predict {self.options.steps} steps of 10 ms "
                "ahead; raise data.min_frames and data.frames, or lower model.steps"
            )
        if rng is None:
            even = torch.linspace(0, free - 1, count, device=moments.device).long()
            return even.expand(clips, -1)
        drawn = torch.rand(clips, free, generator=rng, device=rng.device).argsort(1)[:, :count]
        return drawn.sort(1).values


def _at(values: Tensor, times: Tensor) -> Tensor:
    """(B, M, D) at (B, A) moments -> (B, A, D)."""
    return values.gather(1, times.unsqueeze(-1).expand(-1, -1, values.shape[2]))
