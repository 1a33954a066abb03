"""Are the delays that `seehear sync` measures on original GRID clips measurement errors, or delays of the recordings?

    python benchmarks/sync_halves.py [--shared ../shared] [--model sync-small]

The first and the second half of each held-out clip are measured separately. Independent measurement errors would be
uncorrelated, while a delay of the recording would occur in both halves. So would a systematic error of the model,
however, so correlation is no proof. The standard deviation of the halves' delays and their correlation are printed,
with an interval over clips (all of one man).

A second estimator involves no training: the correlation of the frame differences in the mouth region with the audio
level, at delays from -200 to +200 ms. For a single clip its peak is too broad, so all clips are combined: the mean
correlation at the delays measured by the model should be higher than with the delays permuted among the clips
(permutation test). This is also tested on the half that the model did not measure: different words, and a different
estimator.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.stats import pearsonr

from seehear.apps.sync.fit_calibration import DelayedSound
from seehear.apps.sync.offset import find_peak, measure_agreement
from seehear.clip import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, Clip
from seehear.media.clips import ClipReader
from seehear.media.crops import mouth_region
from seehear.models.store import load_sync_model

REACH = FPS  # +-1 s
FAR_MS = 80.0  # halves with larger delays are not measurable (no speech)

STEP_S = 0.01
LAGS_MS = np.arange(-200, 201, 10.0)
EDGE_S = 0.25  # at either end of a clip, where the largest delays have no audio
SMOOTH_S = 0.04  # smoothing of the audio level: one frame
DEALS = 1000

Numbers = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="sync-small")
    given = parser.parse_args()
    model = load_sync_model(given.model)
    delays, curves = [], []
    for path in sorted((given.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8]:
        with ClipReader(path) as reader:
            clip = next(iter(reader))
        sound = DelayedSound(clip.audio, 0.0)
        peaks = [find_peak(measure_agreement(model, part, sound, REACH).curve) for part in (clip, *halves(clip))]
        if all(peak and abs(peak.delay_ms) < FAR_MS for peak in peaks):
            delays.append([peak.delay_ms for peak in peaks if peak])
            curves.append(energy_curves(clip))
    by_model(np.array(delays))
    without_learning(np.array(delays), np.array(curves))


def by_model(delays: Numbers) -> None:
    """Print the correlation of the model's delays, (clips, 3): whole, first half, second half."""
    _, first, second = delays.T
    together = pearsonr(first, second)
    low, high = together.confidence_interval()
    print(f"{len(delays)} clips of one speaker whose halves both have a delay under {FAR_MS:.0f} ms")
    print(f"standard deviation over clips: first halves {first.std():.1f} ms, second halves {second.std():.1f} ms")
    print(f"correlation of first and second halves: {together.statistic:.2f} ({low:.2f} to {high:.2f} over clips)")
    print(f"standard deviation of half their difference: {(first - second).std() / 2:.1f} ms")


def without_learning(delays: Numbers, curves: Numbers) -> None:
    """Whether movement and level of the sound agree better at the model's delays: curves (clips, 3, lags)."""
    print("change of the mouth's pixels against the sound's level, mean correlation over clips:")
    for name, measured, asked in (("whole clip", 0, 0), ("second half", 1, 2), ("first half", 2, 1)):
        usual = LAGS_MS[curves[:, asked].mean(0).argmax()]
        own = delays[:, measured] - np.median(delays[:, measured])
        found = _read(curves[:, asked], usual + own)
        rng = np.random.default_rng(0)
        dealt = np.array([_read(curves[:, asked], usual + rng.permutation(own)) for _ in range(DEALS)])
        p = (1 + (dealt >= found).sum()) / (1 + DEALS)
        where = "" if measured == asked else f", delays by the model from the {('', 'first', 'second')[measured]} half"
        print(
            f"  {name}{where}: {found:.4f} at the clips' own delays, {_read(curves[:, asked], usual + 0 * own):.4f} at "
            f"the same for all, {dealt.mean():.4f} ± {dealt.std():.4f} at delays dealt at random, p = {p:.3f}"
        )


def energy_curves(clip: Clip) -> Numbers:
    """Correlation of movement and level at each lag, of the whole clip and of its halves, (3, lags).

    A positive lag reads the sound later, as a positive delay means that it is late.
    """
    mouth = mouth_region(clip.video).mean(-1)
    change = np.abs(np.diff(mouth, axis=0)).mean((1, 2))
    moved = CubicSpline((np.arange(len(change)) + 1) / FPS, gaussian_filter1d(change, 0.6))
    hop = round(STEP_S * SAMPLE_RATE)
    level = np.sqrt(clip.audio[: len(clip.audio) // hop * hop].reshape(-1, hop).astype(float) ** 2 @ np.ones(hop) / hop)
    level = gaussian_filter1d(level, SMOOTH_S / STEP_S)
    begins, middle, ends = EDGE_S, clip.seconds / 2, clip.seconds - EDGE_S
    return np.array([_curve(moved, level, *span) for span in ((begins, ends), (begins, middle), (middle, ends))])


def _curve(moved: CubicSpline, level: Numbers, begins: float, ends: float) -> Numbers:
    times = np.arange(begins, ends, STEP_S)
    at = (np.arange(len(level)) + 0.5) * STEP_S
    shifted = [np.interp(times + lag / 1000, at, level) for lag in LAGS_MS]
    return np.corrcoef(np.vstack([moved(times), *shifted]))[0, 1:]


def _read(curves: Numbers, delays_ms: Numbers) -> float:
    """Mean over clips of each one's curve at its delay: (clips, lags), (clips,)."""
    return float(np.mean([np.interp(delay, LAGS_MS, curve) for delay, curve in zip(delays_ms, curves, strict=True)]))


def halves(clip: Clip) -> tuple[Clip, Clip]:
    """The pictures of either half, on the clock of the whole."""
    middle = clip.frames // 2
    return _cut(clip, 0, middle), _cut(clip, middle, clip.frames)


def _cut(clip: Clip, first: int, stop: int) -> Clip:
    return replace(
        clip,
        video=clip.video[first:stop],
        landmarks=clip.landmarks[first:stop],
        audio=clip.audio[first * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME],
        meta={**clip.meta, "start_s": first / FPS},
    )


if __name__ == "__main__":
    main()
