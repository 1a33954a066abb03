"""`SpeechProtocol`: the options that all tasks on speech share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from seehear.evaluation.baselines import ALL_BASELINES, AUTO, DEFAULT_BASELINES, ComparedEncoder
from seehear.evaluation.cross_validation import Protocol
from seehear.evaluation.recordings import Recordings
from seehear.evaluation.runner import compared_encoders
from seehear.evaluation.splits import SplitName
from seehear.registry import OneOf


@dataclass(frozen=True)
class SpeechProtocol(Protocol):
    """The protocol of a task on speech, with the encoders and the recordings to compare; its fields are options.

    Attributes:
        split: speakers (a fifth of them is tested), leave-one-speaker-out, official (the label part), or random, where
            a speaker may be on both sides
        baselines: encoders to compare with: mfcc and logmel (with the suffix -nolevel: the recording's level removed;
            -cmn: the mean of each band removed; -4k: nothing above 4 kHz), egemaps (needs openSMILE), other models,
            untrained (the model's architecture with random weights), finetuned or scratch (the model's architecture,
            all weights trained with the labels). Of several handcrafted ones, a further row is the best on the
            development part of each fold.
        dataset: name of the data set that the files are of, unless they are a corpus; by default a folder with labels
        layer: auto (for every encoder, the layer that is best on the development part of each fold, with speakers who
            are neither trained on nor tested), last (of every encoder), or the name of one, for the model and those of
            its architecture. Encoders that are trained with the labels are read at the last layer by default.
        where: only recordings with these labels, each label=value or label=value|other
    """

    flat: ClassVar[bool] = True

    split: SplitName = "speakers"
    baselines: Sequence[str] = DEFAULT_BASELINES
    dataset: Annotated[str, OneOf("dataset")] | None = None
    layer: str = AUTO
    where: Sequence[str] = ()

    def encoders(self, model: str) -> list[ComparedEncoder]:
        """Return the model and those it is compared with.

        Raises:
            ModelError: there is no such model or layer.
        """
        return compared_encoders(model, self.baselines, self.mode, self.layer)

    def recordings(self, data: list[Path]) -> Recordings:
        """Return the recordings of corpora, or of files and folders of the data set.

        Raises:
            CorpusError: there are none.
        """
        return Recordings.of(data, self.dataset).where(self.where)


CLASSIFICATION = SpeechProtocol(baselines=ALL_BASELINES)
"""Of tasks whose default probe is quick."""
