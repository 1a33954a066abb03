"""`import_syncnet`: published SyncNet weights as a model.

The file is a ``state_dict`` of joonson/syncnet_python (Chung & Zisserman 2016, "Out of time: automated lip sync in the
wild"), as ``syncnet_v2.model``. Its layers are those of our `paper` towers with 13 MFCC. A convolution's bias goes into
the mean of the batch norm behind it, which takes it out again: the outputs are the same.

The weights were trained on another face crop. Theirs is 1.28
times as wide as a canonical one, with neck and shoulders below; the canonical crop is put in its place in theirs, its
border repeated around it (`seehear.nn.vggm.in_larger_crop`). Frame rate, windows, order and range of colours, and MFCC
are the same.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seehear.errors import ModelError, check_not_lfs_pointer
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType
    from torch import Tensor


STACKS = {
    "netcnnaud": ("sound.trunk", (0, 1, 3, 4, 5, 7)),
    "netcnnlip": ("lips.trunk", (0, 2, 4, 5, 6, 8)),
    "netfcaud": ("sound.head", (0,)),
    "netfclip": ("lips.head", (0,)),
}
"""Their stacks of layers -> the same stack here, and the indices of its blocks of convolution and batch norm."""


PLACES = (0, 4, 8, 11, 14, 18)
"""Where the convolutions are in theirs; a batch norm follows each."""


LAST = 3
"""Index of the last layer of a head in theirs; here it is 1."""


COUNTER = "num_batches_tracked"
"""Counts steps of training. The published file is older than torch's counting and has none."""


@dataclass(frozen=True, repr=False)
class ImportedModel(Result):
    """A model made of somebody else's weights.

    Attributes:
        path: folder of the model, for every ``--model``.
        source: the file that the weights are from.
        tensors: how many there were.
    """

    path: Path
    source: Path
    tensors: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"model": str(self.path), "source": str(self.source), "tensors": self.tensors}

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        made = f"{self.tensors} tensors of {self.source} are the model in {self.path}"
        return Text(f"{made}; seehear sync VIDEO --model {self.path}")


def import_syncnet(file: Path, out: Path, *, crop: Literal["syncnet", "as-seen"] = "syncnet") -> ImportedModel:
    """Turn published SyncNet weights into a model for every verb.

    No code in the file is run, whatever it is. Afterwards: seehear sync VIDEO --model OUT.

    Args:
        file: weights of joonson/syncnet_python, such as syncnet_v2.model, downloaded by you.
        out: new folder for the model.
        crop: syncnet: face crops of this program take their place in the larger crop that the weights know. as-seen:
            frames are taken as they are, for videos that syncnet_python has cropped (sync --faces whole-frame).

    Raises:
        ModelError: the file is missing, damaged, would run code, or holds other weights; or the folder is taken.
    """
    from seehear.models.store import save  # late, as torch is: it would slow the help of the command line
    from seehear.models.sync import SyncModel, SyncOptions

    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ModelError(f"{out} is there already; name a new folder")
    given = _read(file)
    dim = _width(given)
    lips, sound = {"dim": dim, "pixels": "raw-bgr", "crop": crop}, {"dim": dim, "spectrum": "mfcc"}
    model = SyncModel(SyncOptions(encoder="paper", lips=lips, sound=sound, loss="contrastive"))
    model.load_state_dict(convert_state_dict(given, model.state_dict(), file))
    save(model, out, {"imported": file.name})
    return ImportedModel(out, file, len(given))


def convert_state_dict(given: Mapping[str, Tensor], own_state: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """Their tensors by our names.

    Args:
        given: by their names.
        own_state: the `state_dict` whose names and shapes it is to have.
        file: for the sentences.

    Raises:
        ModelError: a tensor is missing, superfluous, of another shape, or is not finite.
    """
    names = dict(_names())
    _require_none([name for name in names if name not in given and not name.endswith(COUNTER)], file, "lacks")
    _require_none([name for name in given if name not in names], file, "has more than SyncNet:")
    state: dict[str, Tensor] = dict(own_state)
    for name, values in given.items():
        expected = own_state[names[name]].shape
        if values.numel() != expected.numel() or values.shape != expected[: values.ndim]:
            raise ModelError(
                f"{name} in {file} has the shape {tuple(values.shape)}, in SyncNet it is {tuple(expected)}"
            )
        if not values.isfinite().all():
            raise ModelError(f"{name} in {file} holds values that are not finite; download the file again")
        if not _is_bias_before_norm(name):
            state[names[name]] = values.reshape(expected)
    for name, mean in names.items():
        if _is_bias_before_norm(name):
            state[mean] = state[mean] - given[name]  # norm(x + bias) is the norm of x around a mean without it
    return state


def _names() -> Iterator[tuple[str, str]]:
    """Each of their names with ours; for the bias before a batch norm, that of the norm's mean."""
    for stack, (stack_here, blocks) in STACKS.items():
        for place, block in zip(PLACES, blocks, strict=False):
            convolution, norm = f"{stack_here}.{block}.0", f"{stack_here}.{block}.1"
            yield f"{stack}.{place}.weight", f"{convolution}.weight"
            yield f"{stack}.{place}.bias", f"{norm}.running_mean"
            for part in ("weight", "bias", "running_mean", "running_var", COUNTER):
                yield f"{stack}.{place + 1}.{part}", f"{norm}.{part}"
        if stack_here.endswith("head"):
            for part in ("weight", "bias"):
                yield f"{stack}.{LAST}.{part}", f"{stack_here}.1.{part}"


def _is_bias_before_norm(name: str) -> bool:
    stack, place, part = name.split(".")
    return part == "bias" and int(place) in PLACES[: len(STACKS[stack][1])]


def _require_none(names: list[str], file: Path, what: str) -> None:
    if names:
        others = f" and {len(names) - 1} others" if len(names) > 1 else ""
        raise ModelError(f"{file} {what} {names[0]}{others}; give weights of syncnet_python, such as syncnet_v2.model")


def _read(file: Path) -> dict[str, Tensor]:
    """The tensors of a file that `torch.save` has written, old format or new; nothing in it is run.

    Raises:
        ModelError: there is none, it is damaged, or it holds anything but tensors.
        PointerError: it is a Git LFS pointer.
    """
    import torch

    if not file.is_file():
        raise ModelError(f"{file} is not there; download syncnet_v2.model and name it")
    check_not_lfs_pointer(file)
    try:
        with warnings.catch_warnings():  # torch wonders at pickles that it refuses anyway
            warnings.simplefilter("ignore")
            state = torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged archives raise anything, and the way out is always the same
        raise ModelError(f"{file} {_why(str(error))}; nothing in it was run: give a file of weights alone") from error
    if not isinstance(state, dict) or not all(isinstance(values, torch.Tensor) for values in state.values()):
        raise ModelError(f"{file} holds more than weights by their names; give a state_dict, such as syncnet_v2.model")
    return {str(name): values.float() for name, values in state.items()}


def _why(message: str) -> str:
    """Summarise torch's message about a pickle that it refuses."""
    code = re.search(r"GLOBAL ([\w.]+)", message)
    return f"asks to load code ({code[1]})" if code else "cannot be read as weights that torch has saved"


def _width(given: Mapping[str, Tensor]) -> int:
    """Of an embedding: the rows of a head's last layer, 1024 in the published file."""
    last = given.get(f"netfcaud.{LAST}.weight")
    return len(last) if last is not None and last.ndim else 1024
