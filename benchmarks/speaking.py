"""Accuracy of `seehear diarize`: dialogues of synthetic people side by side, with known truth.

    python benchmarks/speaking.py [--films 40] [--seed 101] [--seconds 12] [--model sync-small] [--shared ../shared]

Every frame is assigned to the person on the left, the one on the right, or nobody, and compared with the truth, without
a collar around changes; pauses of up to 0.3 s within a turn count as speech. The videos are of a seed that nothing was
fitted to, with reverberation and noise as usual for avatars. Chance is a constant prediction of the most frequent
answer. Results are also given for each face separately, speaking or not. With --pairs N, two GRID videos are placed
side by side, both speaking, with the audio of one: of the frames assigned to one of them, the fraction assigned to the
correct one is printed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.apps.diarization.active_speaker import ActiveSpeakers, DiarizationOptions, detect_active_speakers
from seehear.avatars.dialogue import plan_dialogue
from seehear.avatars.files import write_video_file
from seehear.cli.progress import ProgressDisplay
from seehear.clip import FPS
from seehear.evaluation.result import format_percent_range
from seehear.machine import use_single_thread
from seehear.media.decode import open_media
from seehear.media.sound import read_sound
from seehear.metrics.bootstrap import estimate
from seehear.metrics.scores import error_rate
from seehear.models.store import load_sync_model
from seehear.progress import Stage

NOBODY = -1


def given_to(film: ActiveSpeakers, frames: int, width: float, people: int = 2) -> tuple[NDArray, NDArray]:
    """Return the detected speaker of each frame, counted from the left, and the speech of each, (people, T)."""
    speaks, likely = np.zeros((people, frames), bool), np.zeros((people, frames))
    for track, own, probability in zip(film.tracks, film.speaks, film.probabilities, strict=True):
        place = int((track.boxes[:, 0] + track.boxes[:, 2] / 2).mean() / (width / people))
        part = slice(track.start, min(track.stop, frames))
        speaks[place, part] |= own[: part.stop - part.start]
        likely[place, part] = np.maximum(likely[place, part], probability[: part.stop - part.start])
    one = np.where(speaks, likely + 1e-6, 0).argmax(0)
    return np.where(speaks.any(0), one, NOBODY), speaks


def interval(values: list[float]) -> str:
    """Format the mean in percent with its 95 % interval over videos."""
    told = estimate(np.stack([values, np.ones(len(values))], axis=1)[None], error_rate)
    return f"{100 * told.value:.1f} % ({format_percent_range(told.low, told.high)} over {len(values)} videos)"


def duets(options: argparse.Namespace, model: object, folder: Path) -> None:
    """Evaluate dialogues of synthetic people."""
    right, faces, chance, quiet = [], [], [], []
    watch = DiarizationOptions()
    with ProgressDisplay("speaking") as display:
        stage = Stage(display, "speaking", options.films)
        for number in range(options.films):
            duet = plan_dialogue(options.seed, number, options.speakers, options.seconds)
            camera, path = duet.takes[0].camera, folder / f"{number}.mp4"
            rate = duet.room.bit_rate
            write_video_file(path, duet.pictures(), duet.sound, crf=camera.crf, preset=camera.preset, bit_rate=rate)
            truth = duet.speakers()
            said, speaks = given_to(
                detect_active_speakers(path, model, watch), len(truth), 2 * duet.takes[0].framing.width
            )
            right.append(float((said == truth).mean()))
            faces.append(float(np.mean([speaks[place] == (truth == place) for place in (0, 1)])))
            chance.append(float(max((truth == answer).mean() for answer in (NOBODY, 0, 1))))
            if duet.room.reverberation_s == 0 and duet.room.snr_db >= 20:
                quiet.append(right[-1])
            path.unlink()
            stage.update(number + 1, f"{100 * np.mean(right):.1f} % so far")
    print(f"frame accuracy (left, right, nobody): {interval(right)}")
    print(f"  chance {100 * np.mean(chance):.1f} %")
    if quiet:
        print(f"  without reverberation, signal-to-noise ratio of 20 dB or more: {interval(quiet)}")
    print(f"each face separately (speaks or not): {interval(faces)}")
    print(f"  worst videos: {', '.join(f'{100 * value:.0f} %' for value in sorted(right)[:5])}")


def pairs(options: argparse.Namespace, model: object, folder: Path) -> None:
    """Evaluate pairs of GRID's sentences side by side."""
    clips = sorted((options.shared / "data" / "grid_s1" / "video").glob("*.mp4"))[::8]
    rng = np.random.default_rng(options.seed)
    share, found = [], []
    for number in range(options.pairs):
        left, right = (clips[at] for at in rng.choice(len(clips), 2, replace=False))
        place = int(rng.integers(2))
        path = folder / f"grid{number}.mp4"
        with open_media(left) as one, open_media(right) as other:
            rows = [
                np.hstack([picture.crop(np.eye(2, 3), picture.shape) for picture in both])
                for both in zip(one.pictures(), other.pictures(), strict=False)
            ]
        sound = read_sound((left, right)[place]).between(0, len(rows) / FPS)
        write_video_file(path, iter(rows), sound, crf=20, preset="superfast", bit_rate=96_000)
        said, _ = given_to(detect_active_speakers(path, model, DiarizationOptions()), len(rows), rows[0].shape[1])
        given = said[said != NOBODY]
        found.append(float(len(given) > 0))
        if len(given):
            share.append(float((given == place).mean()))
        path.unlink()
    print(f"GRID, two speaking faces, the audio of one: assigned to the correct one {interval(share)}")
    print(f"  videos in which it is assigned to anyone: {100 * np.mean(found):.0f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=40)
    parser.add_argument("--speakers", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--model", default="sync-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    options = parser.parse_args()
    use_single_thread()
    model = load_sync_model(options.model)
    with tempfile.TemporaryDirectory() as work:
        if options.films:
            duets(options, model, Path(work))
        if options.pairs:
            pairs(options, model, Path(work))


if __name__ == "__main__":
    main()
