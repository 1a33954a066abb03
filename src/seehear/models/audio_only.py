"""Learning from audio alone: the models APC and CPC, and the tasks shuffle detection and reconstruction.

Shuffle detection: Shukla et al. 2020, arXiv 2005.01400, section 3.2.

Reconstruction of MFCC, log-mel and waveform from features: Shukla et al. 2020, arXiv 2007.04134, section 2.

APC: Chung, Hsu, Tang & Glass 2019, arXiv 1904.03240. CPC: van den Oord, Li & Vinyals 2018, arXiv 1807.03748, sections 2
and 3.1. Both are audio-only baselines of Shukla et al. 2020.
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
from seehear.config import check_minimums, check_names
from seehear.errors import ModelError
from seehear.losses.base import gather_processes, process_rank
from seehear.models.interface import PretextModel
from seehear.nn import SpeechName, build_encoder, complete_options
from seehear.nn.layers import MEL_FRAMES
from seehear.nn.small import MEL_DEVIATION, MEL_MEAN
from seehear.nn.speech import LogMelGRU, StridedOptions, StridedSpeech

SHARE = 0.25
"""Fraction of a batch's clips that are shuffled."""


WINDOW = 0.15
"""Length of each of the two windows that are swapped, as a fraction of the clip."""


class ShuffleDetection(nn.Module):
    """Classifies clips as shuffled or not by the mean of their features.

    The paper's classifier uses the last state of its recurrent encoder; the mean also works for convolutions.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.classes = nn.Linear(dim, 2)

    def forward(
        self, hear: Callable[[Tensor], Tensor], heard: Tensor, clean: Tensor, rng: Generator | None
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Compute features and loss.

        Shuffled clips are encoded in addition to their originals, because no video belongs to them. Their originals
        are not used for the classification.

        Args:
            hear: the encoder, (B, 640 T) -> (B, T, dim).
            heard: augmented audio, (B, 640 T).
            clean: not used.
            rng: selects the shuffled clips; without one always the same.

        Returns:
            features of the unshuffled clips (B, T, dim); the cross entropy; and ``told``, the accuracy.
        """
        rng = rng or Generator(heard.device).manual_seed(0)
        count = max(1, round(SHARE * len(heard)))
        chosen = torch.randperm(len(heard), generator=rng, device=rng.device)[:count].to(heard.device)
        features = hear(torch.cat([heard, swap_windows(heard[chosen], rng)]))
        unshuffled = torch.ones(len(heard), dtype=torch.bool, device=heard.device)
        unshuffled[chosen] = False
        pooled = torch.cat([features[: len(heard)][unshuffled], features[len(heard) :]]).mean(1)
        truth = torch.zeros(len(pooled), dtype=torch.long, device=heard.device)
        truth[len(pooled) - count :] = 1
        logits = self.classes(pooled).float()
        accuracy = (logits.argmax(1) == truth).float().mean()
        return features[: len(heard)], F.cross_entropy(logits, truth), {"told": accuracy}


def swap_windows(audio: Tensor, rng: Generator) -> Tensor:
    """Swap two random non-overlapping windows of each clip: (B, 640 T) -> (B, 640 T), whole video frames."""
    frames = audio.shape[1] // SAMPLES_PER_FRAME
    window = max(1, int(WINDOW * frames))
    if frames < 2 * window:
        return audio
    shuffled = audio.clone()
    for item, original in zip(shuffled, audio, strict=True):
        first, second = torch.randint(frames - 2 * window + 1, (2,), generator=rng, device=rng.device).sort().values
        one = slice(int(first) * SAMPLES_PER_FRAME, (int(first) + window) * SAMPLES_PER_FRAME)
        other = slice((int(second) + window) * SAMPLES_PER_FRAME, (int(second) + 2 * window) * SAMPLES_PER_FRAME)
        item[one], item[other] = original[other], original[one]
    return shuffled


WIDTHS = (64, 32, 16, 8, 1)


STEPS = (5, 4, 4, 8)
"""Strides of the transposed convolutions: 25 features per second to 16 000 samples."""


MFCC_DEVIATION = 8.0
"""Approximate deviation of the 13 coefficients of speech: brings their L1 near that of the log-mel."""


class Reconstruct(nn.Module):
    """A hidden layer of 256 units each for MFCC and log-mel, transposed convolutions for the waveform; L1 losses."""

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
        """Compute features and loss.

        Args:
            hear: the encoder, (B, 640 T) -> (B, T, dim).
            heard: augmented audio, (B, 640 T).
            clean: the same audio before augmentation, the target.
            rng: not used.

        Returns:
            features (B, T, dim), the sum of the three L1 losses, and no further metrics.
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
    """Options of the APC model.

    Attributes:
        pretext: the model that these options belong to.
        encoder: name of the speech encoder; it must be causal at 100 features per second: logmel-gru.
        sound: options of the encoder that differ from its defaults.
        ahead: prediction distance in frames of 10 ms. Windows less than 3 frames apart share samples, so that a smaller
            distance would allow copying.
    """

    pretext: Literal["apc"] = "apc"
    encoder: SpeechName = "logmel-gru"
    sound: dict[str, Any] = field(default_factory=dict)
    ahead: int = 3

    def __post_init__(self) -> None:
        check_names(self)
        check_minimums("model", self, ahead=1)


class APCModel(PretextModel):
    """A recurrent encoder on a log-mel, and a linear layer that predicts future log-mel frames from its last layer.

    Attributes:
        options: options of the model.
        config: contents of its config.json; the key ``model`` rebuilds it.
    """

    name = "apc"
    Options = APCOptions
    summary = "prediction of log-mel frames from earlier ones; audio only"
    paper = "Chung et al. 2019, arXiv 1904.03240"
    logged_metrics = ("copied",)
    needs_pictures = False
    input_view = "mouth-luma"  # not used; the view that sync keeps too

    def __init__(self, options: APCOptions | None = None) -> None:
        """Build the layers.

        Raises:
            ModelError: the encoder is not causal.
        """
        super().__init__()
        self.options = o = options or APCOptions()
        sound = complete_options("speech", o.encoder, o.sound)
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o) | {"sound": sound}}
        encoder = build_encoder("speech", o.encoder, o.sound)
        if not isinstance(encoder, LogMelGRU) or encoder.reach is None:
            normalised = " whose sound.normalise is fixed" if isinstance(encoder, LogMelGRU) else ""
            raise ModelError(
                f"apc needs an encoder that does not hear the future: model.encoder logmel-gru{normalised}"
            )
        self.encoder = encoder
        self.predict = nn.Linear(encoder.dim, encoder.bands)

    @property
    def speech(self) -> LogMelGRU:
        """The audio encoder."""
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute the loss of one training step.

        Args:
            batch: clips of one length; only ``audio`` is used.
            rng: not used.

        Returns:
            ``loss``, the mean absolute error of the predicted normalised log-mel (section 2.1, equation 2); and
            ``copied``, that of the last known frame as the prediction.

        Raises:
            ModelError: the clips are no longer than the prediction distance.
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
        states = self.encoder.frames100(mel[:, :-ahead])
        loss = (self.predict(states).float() - target[:, ahead:]).abs().mean()
        return {"loss": loss, "copied": (target[:, :-ahead] - target[:, ahead:]).abs().mean()}


@dataclass(frozen=True)
class CPCOptions:
    """Options of the CPC model.

    Attributes:
        pretext: the model that these options belong to.
        channels: channels of the strided convolutions.
        hidden: width of the GRU whose states are the features.
        steps: number of future steps to predict, 10 ms each.
        anchors: random positions per clip to predict from. The targets of one are negatives for all others, in the same
            clip and in the rest of the batch (of all processes).
    """

    pretext: Literal["cpc"] = "cpc"
    channels: int = 512
    hidden: int = 256
    steps: int = 12
    anchors: int = 16

    def __post_init__(self) -> None:
        check_minimums("model", self, channels=1, hidden=1, steps=1, anchors=1)


class CPCModel(PretextModel):
    """A strided encoder of raw audio, a GRU, and one linear layer per predicted step.

    Attributes:
        options: options of the model.
        config: contents of its config.json; the key ``model`` rebuilds it.
    """

    name = "cpc"
    Options = CPCOptions
    summary = "prediction of later features among negatives; audio only"
    paper = "van den Oord, Li & Vinyals 2018, arXiv 1807.03748"
    logged_metrics = ("matched",)
    needs_pictures = False
    input_view = "mouth-luma"  # not used; the view that sync keeps too

    def __init__(self, options: CPCOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or CPCOptions()
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o)}
        self.encoder = StridedSpeech(StridedOptions(o.channels, o.hidden))
        self.predict = nn.Linear(o.hidden, o.steps * o.channels, bias=False)

    @property
    def speech(self) -> StridedSpeech:
        """The audio encoder."""
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute the loss of one training step.

        Args:
            batch: clips of one length; only ``audio`` is used.
            rng: source of the anchors; without one they are evenly spaced.

        Returns:
            ``loss``, InfoNCE (equation 4) averaged over steps and anchors; and ``matched``, the fraction of predictions
            that are closest to the correct target.

        Raises:
            ModelError: the clips are shorter than the steps.
        """
        moments = self.encoder.local_features(batch["audio"].float())
        times = self._anchors(moments, rng)
        contexts = _at(self.encoder.contexts(moments), times)
        predicted = self.predict(contexts).float().unflatten(-1, (self.options.steps, -1))
        targets = torch.stack([_at(moments, times + step + 1) for step in range(self.options.steps)], dim=1)
        first = 0  # of this process among the targets
        if torch.is_grad_enabled():
            first, targets = process_rank() * targets.shape[0] * targets.shape[2], gather_processes(targets)
        losses, hits = [], []
        for step in range(self.options.steps):
            logits = predicted[:, :, step].flatten(0, 1) @ targets[:, step].flatten(0, 1).T
            own = torch.arange(len(logits), device=logits.device) + first
            losses.append(F.cross_entropy(logits, own))
            hits.append((logits.detach().argmax(1) == own).float().mean())
        return {"loss": torch.stack(losses).mean(), "matched": torch.stack(hits).mean()}

    def _anchors(self, moments: Tensor, rng: Generator | None) -> Tensor:
        """(B, anchors) distinct sorted positions in each clip that leave room for all steps ahead."""
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
    """Values (B, M, D) at positions (B, A) -> (B, A, D)."""
    return values.gather(1, times.unsqueeze(-1).expand(-1, -1, values.shape[2]))
