"""`calibrate`: the confidence of a sync model as a probability.

What computes is imported when the function is called, so that the help of the command line needs no torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.data.split import By
from seehear.errors import CorpusError, ModelError
from seehear.progress import Progress
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from seehear.metrics.calibration import DelayCalibration


EXAMPLES = 800


@dataclass(frozen=True, repr=False)
class CalibrateResult(Result):
    """A model whose confidence was calibrated.

    Attributes:
        run: folder of the model.
        calibration: what its config.json holds now.
    """

    run: Path
    calibration: DelayCalibration

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"model": str(self.run), "sync_calibration": self.calibration.to_config()}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        count = self.calibration.examples
        return Text(f"the confidence of {self.run} is a probability now, fitted to {count} measurements")


def calibrate(
    run: str | os.PathLike[str],
    corpora: Sequence[str | os.PathLike[str]],
    *,
    split_by: By | None = None,
    dev_every: int | None = None,
    examples: int = EXAMPLES,
    progress: Progress | None = None,
) -> CalibrateResult:
    """Calibrate a sync model, so that its confidence is a probability, and write that into its config.json.

    The examples are the corpora's held-out clips, cut to half a second up to all of a clip and joined up to ten
    seconds, with their audio moved by a known delay; in a third of them the audio is another clip's, so that every
    delay is wrong.

    Args:
        run: folder of the model.
        corpora: folders that "seehear prepare" has made, in sync.
        split_by: what is held out, sources or speakers; by default as in the model's training.
        dev_every: every n-th of them is held out; by default as in the model's training.
        examples: how many measurements to make.
        progress: called with the share of a stage that is done, 0 to 1, and a text.

    Raises:
        CorpusError: fewer than two held-out clips have sound.
        ModelError: there is no such model, or it was wrong every time, or right every time; its config is left as it
            was.
    """
    from seehear.apps.sync.fit_calibration import fit_model_calibration
    from seehear.atomic_io import write_text
    from seehear.data.corpus import Corpus, Split
    from seehear.machine import single_thread
    from seehear.models.store import load_sync_model

    run = Path(run)
    model = load_sync_model(run)
    split = Split.of_training(model.config, split_by, dev_every)
    held_out = Corpus(*map(Path, corpora)).with_faces().split("dev", split.every, split.by).with_sound()
    if len(held_out) < 2:
        raise CorpusError(f"{held_out} holds out fewer than two clips with audio; calibration needs more")
    try:
        with single_thread():
            calibration = fit_model_calibration(model, held_out, examples=examples, progress=progress)
    except ValueError as error:
        raise ModelError(
            f"the confidence of {run} cannot be calibrated: {error}; train the model for longer, or give other clips"
        ) from error
    path = run / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["sync_calibration"] = calibration.to_config()
    write_text(path, json.dumps(config, indent=2) + "\n")
    return CalibrateResult(run, calibration)
