"""How well a still is animated: drawn mouths against real ones, and what a lip-sync model says of the drawn clips.

    python benchmarks/animate_l1.py [--model animate-small] [--shared ../shared] [--sync sync-small] [--clips 96]

Clips of fresh synthetic people, and the held-out clips of GRID speaker 1 (every eighth by name). The first picture of a
clip is the still; drawn is what the sound says. L1 is the mean difference from the real pictures in the mouth's square,
in percent of full scale, against that of the still left as it is; intervals are of a bootstrap over clips. Then each
drawn clip is pasted into its still as `seehear animate` does it, and a lip-sync model that knows nothing of drawing
measures its delay, as it does on the real clip: the shares within one frame of 0.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from fresh_avatars import fresh_avatars

from seehear.clip import FPS, Clip
from seehear.corpus.prepare import prepare
from seehear.corpus.store import Corpus
from seehear.corpus.views import find_view
from seehear.pretext.animate import AnimateModel, planes
from seehear.pretext.sync import SyncModel
from seehear.tasks.animate import joined, likeness
from seehear.tools.calibration import KnownSound
from seehear.tools.listen import listen
from seehear.tools.offset import find_peak
from seehear.tools.paste import Paste
from seehear.training.run import load, load_sync

REACH = FPS  # +-1 s
FRAME_MS = 1000 / FPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="animate-small")
    parser.add_argument("--sync", default="sync-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--clips", type=int, default=96, help="at most so many of each kind")
    parser.add_argument("--avatars", type=Path, help="corpus of people that the model has not seen")
    parser.add_argument("--work", type=Path, help="folder to make them in, kept")
    given = parser.parse_args()
    model, lips = load(given.model), load_sync(given.sync)
    if not isinstance(model, AnimateModel):
        parser.error(f"{given.model} is no animate model")
    for name, corpus in corpora(given):
        compare(name, model, lips, corpus, given.clips)


def corpora(given: argparse.Namespace) -> Iterator[tuple[str, Corpus]]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.work or Path(temporary)
        yield "fresh avatars", Corpus(given.avatars or fresh_avatars(folder, given.clips, given.clips))
        videos = sorted((given.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8]
        if videos:
            prepare(videos[: given.clips], folder / "grid", format="grid")
            yield "GRID speaker 1, held out", Corpus(folder / "grid")


def compare(name: str, model: AnimateModel, lips: SyncModel, corpus: Corpus, most: int) -> None:
    parts, drawn_right, real_right = [], [], []
    for clip in (corpus[place] for place in range(min(most, len(corpus)))):
        video = torch.from_numpy(find_view(model.view).function(clip)).unsqueeze(0)
        with torch.inference_mode():
            drawn = model({"video": video, "audio": torch.from_numpy(clip.audio).unsqueeze(0)})["drawn"]
        real = planes(video)
        parts.append(likeness(drawn, real, model.options.region))
        if model.options.region == "face":
            drawn_right.append(in_sync(lips, pasted(clip, real[0, 0], drawn[0])))
            real_right.append(in_sync(lips, clip))
    found = joined(parts)
    low, high = found.interval()
    print(f"{name}, {len(parts)} clips")
    print(
        f"  L1 in the mouth's square: drawn {100 * found.drawn.mean():.3f} %, the still {100 * found.copied.mean():.3f}"
        f" %: {found.lower:.1%} lower (95 % interval {low:.1%} to {high:.1%})"
    )
    if drawn_right:
        shares = f"drawn {np.mean(drawn_right):.1%}, real {np.mean(real_right):.1%}"
        print(f"  delay within one frame of 0, by the lip-sync model: {shares} (guessing 4 %)", flush=True)


def pasted(clip: Clip, still: torch.Tensor, drawn: torch.Tensor) -> Clip:
    """The clip's first picture, seen as ``still`` (planes, S, S), with what was drawn (T, planes, S, S) put into it."""
    share = still.shape[-1] / clip.video.shape[1]
    matrix = np.array([[share, 0, (share - 1) / 2], [0, share, (share - 1) / 2]])
    paste = Paste(np.ascontiguousarray(clip.video[0]), matrix, np.ascontiguousarray(still.permute(1, 2, 0).numpy()))
    pictures = np.ascontiguousarray(drawn.permute(0, 2, 3, 1).numpy())
    return replace(clip, video=np.stack([paste(picture) for picture in pictures]))


def in_sync(lips: SyncModel, clip: Clip) -> bool:
    """Whether the delay is measured to be less than a frame."""
    at_zero = replace(clip, meta={**clip.meta, "start_s": 0.0})
    peak = find_peak(listen(lips, at_zero, KnownSound(clip.audio, 0.0), REACH).curve)
    return peak is not None and abs(peak.delay_ms) <= FRAME_MS


if __name__ == "__main__":
    main()
