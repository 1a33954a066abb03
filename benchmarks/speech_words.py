"""Word recognition with a frozen speech encoder: FSDD's digits, leaving out each speaker in turn.

    python benchmarks/speech_words.py [--model animate-small] [--shared ../shared] [--labels 1 0.1] [--seeds 3]
                                      [--against ...] [--below-4-khz] [--pretexts] [--work FOLDER]

Accuracy with all labels and with a tenth of them. The baselines are the untrained encoder, log-mel and MFCC with
deltas, both also with the level and with the mean of each band removed, and eGeMAPS if openSMILE is installed. The
probe is a logistic regression on mean and deviation over four segments. In each fold, its regularisation and scaling
and the layer of each encoder are chosen on a speaker who is neither in the training nor in the test set. The second
table has the accuracy of every layer.

FSDD is sampled at 8 kHz, so there is no content above 4 kHz, and four in ten training clips of `animate-small` were
band-limited like telephone speech. ``--below-4-khz`` makes the comparison fair: features of the bands below 4 kHz only.

``--pretexts`` also trains `apc-small` and `cpc-small` on the audio of the training data of `animate-small`: 1500 steps
each, once, with unchanged presets. They were tuned less than `animate-small` and lack its audio augmentation, so lower
accuracy is to be expected. This takes about half an hour on one core.
"""

import argparse
import tempfile
from pathlib import Path

from fresh_avatars import avatar_voices

from seehear.data.prepare import prepare
from seehear.evaluation import evaluate
from seehear.evaluation.baselines import ALL_BASELINES
from seehear.training.pretrain import pretrain
from seehear.training.settings import read_settings

NARROW = ("logmel-4k", "logmel-4k-nolevel", "logmel-4k-cmn", "mfcc-4k", "mfcc-4k-nolevel", "mfcc-4k-cmn")
AUDIO_PRESETS = ("apc-small", "cpc-small")
AVATARS, SPEAKERS, SEED, NEUTRAL = 2800, 1400, 7, 0.143  # as in scripts/train_animate.py


def audio_pretexts(shared: Path, work: Path) -> list[Path]:
    """Train the presets of `AUDIO_PRESETS` and return their runs; finished runs are not repeated."""
    grid, people = work / "grid-sound", work / "people-sound"
    prepare([shared / "data" / "grid_s1" / "video"], grid, dataset="grid", faces="none")
    prepare([avatar_voices(work, AVATARS, SPEAKERS, SEED, NEUTRAL)], people, faces="none")
    for preset in AUDIO_PRESETS:
        chosen = read_settings(preset)
        parts = {"model": chosen.model, "data": chosen.data, "optim": chosen.optim, "engine": chosen.engine}
        print(pretrain([grid, grid, people], work / preset, preset, **parts), flush=True)
    return [work / preset for preset in AUDIO_PRESETS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="animate-small")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--labels", type=float, nargs="+", default=[1.0, 0.1])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--against", nargs="*")
    parser.add_argument("--below-4-khz", action="store_true", help="compare with features of those bands alone")
    parser.add_argument("--pretexts", action="store_true", help="train apc-small and cpc-small, and compare with them")
    parser.add_argument("--work", type=Path, help="folder for those trainings, kept")
    given = parser.parse_args()
    against = given.against if given.against is not None else NARROW if given.below_4_khz else ALL_BASELINES
    digits = [given.shared / "data" / "fsdd"]
    with tempfile.TemporaryDirectory() as temporary:
        more = audio_pretexts(given.shared, given.work or Path(temporary)) if given.pretexts else []
        for labels in given.labels:
            found = evaluate(
                "words",
                given.model,
                digits,
                baselines=(*against, *map(str, more)),
                dataset="fsdd",
                split="leave-one-speaker-out",
                label_fraction=labels,
                seeds=given.seeds,
            )
            print(f"labels used: {labels:.0%}\n{found}\n", flush=True)


if __name__ == "__main__":
    main()
