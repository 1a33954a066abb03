"""Duration of the whole demo.

    python benchmarks/demo.py [--out FOLDER]

Use a new folder: parts finished by an earlier run are not repeated.
"""

import argparse
import tempfile
import time
from pathlib import Path

from machine import figure

from seehear.demo.tour import demo
from seehear.machine import supports_bf16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="output folder, kept; by default a temporary one")
    parser.add_argument("--clips", type=int, default=384)
    parser.add_argument("--speakers", type=int, default=192)
    parser.add_argument("--steps", type=int, default=240)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or Path(temporary) / "demo"
        begun = time.perf_counter()
        page = demo(out=out, clips=given.clips, speakers=given.speakers, steps=given.steps).page
        seconds = time.perf_counter() - begun
        print(f"the demo took {seconds / 60:.1f} min; its report has {page.stat().st_size / 1e6:.1f} MB")
        figure("demo", f"{seconds / 60:.1f} minutes", "bf16" if supports_bf16() else "float32")


if __name__ == "__main__":
    main()
