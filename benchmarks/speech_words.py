"""What an encoder of speech knows of words: FSDD's digits, each speaker left out in turn, its weights frozen.

    python benchmarks/speech_words.py [--model animate-small] [--shared ../shared] [--labels 1 0.1] [--seeds 3]
                                      [--against ...] [--below-4-khz] [--pretexts] [--work FOLDER]

Accuracy with all of the labels and with a tenth of them, against the same encoder with random weights and against
log-mel, MFCC with deltas, both with the level and with the mean of each band removed, and eGeMAPS where openSMILE is
installed. Read out are mean and deviation in four segments of time by a logistic regression; in each fold a speaker who
is neither trained on nor tested chooses its strength and scaling, and the layer of every encoder alike. The second
table has the figure of every layer, the last among them.

FSDD is recorded at 8 kHz, so above 4 kHz there is nothing, and `animate-small` has learned from sounds four in ten of
which had lost what a telephone loses. ``--below-4-khz`` takes that from the comparison: features of the bands below
4 kHz alone.

``--pretexts`` trains `apc-small` and `cpc-small` on what `animate-small` learned from, its sound alone, and adds both:
1500 steps each, once, with their presets as they are. Nobody has tuned them as long as `animate-small`, and they are
trained without its disturbances of the sound, so that they trail it says little. About half an hour on one core.
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
SOUND_ALONE = ("apc-small", "cpc-small")
AVATARS, SPEAKERS, SEED, NEUTRAL = 2800, 1400, 7, 0.143  # as in scripts/train_animate.py


def sound_pretexts(shared: Path, work: Path) -> list[Path]:
    """Runs of `SOUND_ALONE`; what is there already is not trained again."""
    grid, people = work / "grid-sound", work / "people-sound"
    prepare([shared / "data" / "grid_s1" / "video"], grid, dataset="grid", faces="none")
    prepare([avatar_voices(work, AVATARS, SPEAKERS, SEED, NEUTRAL)], people, faces="none")
    for preset in SOUND_ALONE:
        chosen = read_settings(preset)
        parts = {"model": chosen.model, "data": chosen.data, "optim": chosen.optim, "engine": chosen.engine}
        print(pretrain([grid, grid, people], work / preset, preset, **parts), flush=True)
    return [work / preset for preset in SOUND_ALONE]


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
        more = sound_pretexts(given.shared, given.work or Path(temporary)) if given.pretexts else []
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
