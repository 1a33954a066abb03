"""Loading and saving of models, by path or name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn

from seehear.atomic_io import atomic_write, write_text
from seehear.config import WEIGHTS_FOLDER, packaged_model_names, resource_folder
from seehear.errors import LfsPointerError, ModelError, check_not_lfs_pointer, parse_json, read_text_checked
from seehear.models import MODELS
from seehear.models.interface import IdentityModel, LipSyncModel, PretextModel
from seehear.nn.external import is_external
from seehear.version import __version__

if TYPE_CHECKING:
    from seehear.models.animate import AnimateModel

FORMAT = 1


WEIGHTS, CONFIG = "model.safetensors", "config.json"


HUB = "hf:"


def load(name_or_path: str | Path, device: str | torch.device | None = None) -> PretextModel:
    """Load a trained model for inference.

    Args:
        name_or_path: folder of a run; or name of a packaged model (``sync-small``); or repository on the Hugging Face
            hub: ``hf:somebody/some-model``. ``hf:`` may be omitted if there is no local folder ``somebody``.
        device: device of its weights; by default the CPU.

    Raises:
        ModelError: unknown model, damaged files, or files that do not belong together.
    """
    folder = find_model(str(name_or_path))
    model = _from_folder(folder)
    load_weights(model, folder / WEIGHTS)
    return model.to(device or "cpu").eval()


def load_untrained(name_or_path: str | Path, seed: int) -> PretextModel:
    """As `load`, with the weights that a training with this seed begins with; leaves the global generator as it is.

    Raises:
        ModelError: unknown model, or its config.json is damaged or of another version
    """
    folder = find_model(str(name_or_path))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _from_folder(folder)


def _from_folder(folder: Path) -> PretextModel:
    """Build the model of a config.json, with random weights."""
    config = read_config(folder)
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder / CONFIG} was written by another version of seehear ({config.get('seehear', '?')})")
    name = str(config.get("pretext"))
    try:
        MODELS.check(name)
    except ModelError as error:
        raise ModelError(
            f"{folder / CONFIG}: {error}; seehear {config.get('seehear', '?')} wrote it, perhaps with a plug-in that "
            "adds the model: install it",
            code=error.code,
        ) from None
    return MODELS[name].from_config(config)


def load_sync_model(name_or_path: str | Path | LipSyncModel, device: str | torch.device | None = None) -> LipSyncModel:
    """As `load`, for tasks that compare lips and audio; a loaded model is returned as it is.

    Raises:
        ModelError: as for `load`, or it is a model of another kind.
    """
    if isinstance(name_or_path, LipSyncModel):
        return name_or_path
    model = load(name_or_path, device)
    if not isinstance(model, LipSyncModel):
        raise ModelError(_wrong_kind(name_or_path, model, "lip-sync needs a sync model such as sync-small"))
    return model


def load_identity_model(
    name_or_path: str | Path | IdentityModel, device: str | torch.device | None = None
) -> IdentityModel:
    """As `load`, for tasks that compare voices and faces; a loaded model is returned as it is.

    Raises:
        ModelError: as for `load`, or it is a model of another kind.
    """
    if isinstance(name_or_path, IdentityModel):
        return name_or_path
    model = load(name_or_path, device)
    if not isinstance(model, IdentityModel):
        raise ModelError(
            _wrong_kind(name_or_path, model, "telling people apart needs a match model such as match-small")
        )
    return model


def load_animate_model(
    name_or_path: str | Path | PretextModel, device: str | torch.device | None = None
) -> AnimateModel:
    """As `load`, for tasks that generate frames; a loaded model is returned as it is.

    Raises:
        ModelError: as for `load`, or it is a model of another kind.
    """
    if isinstance(name_or_path, PretextModel):
        return name_or_path.animator()
    try:
        return load(name_or_path, device).animator()
    except ModelError as error:
        if error.code != "cannot-draw":
            raise
        raise ModelError(f"{name_or_path}: {error}", code=error.code) from None


def _wrong_kind(name: str | Path, model: PretextModel, needed: str) -> str:
    return f"{name} is {model.with_article()} model; {needed}"


def save(model: PretextModel, folder: Path, trained: dict[str, Any] | None = None) -> None:
    """Save a model in the format of `load`.

    Args:
        model: the model.
        folder: target folder, created if necessary.
        trained: information about its training, stored under the key ``trained`` of config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_write(folder / WEIGHTS) as temporary:
        temporary.write_bytes(serialise(state, metadata={"format": "pt"}))  # save_file sets private file permissions
    config = {"format": FORMAT, "seehear": __version__} | model.config | ({"trained": trained} if trained else {})
    write_text(folder / CONFIG, json.dumps(config, indent=2) + "\n")


def packaged_models() -> list[str]:
    """Names of the packaged models."""
    return packaged_model_names()


def find_model(name: str) -> Path:
    """Find the folder of a model: a path, a packaged name, or a download from the hub.

    A mistyped path inside an existing folder (``runs/foo``) is not looked up on the hub.

    Raises:
        ModelError: not found.
    """
    if is_external(name):
        raise ModelError(f"{name} encodes audio only; for lips, faces or training give the folder of a run")
    if name.startswith(HUB):
        return _download(name.removeprefix(HUB))
    if Path(name).is_dir():
        return Path(name)
    if name in packaged_models():
        return Path(str(resource_folder(WEIGHTS_FOLDER) / name))
    if name.count("/") == 1 and name[0] not in "./~" and not Path(name).parent.is_dir():
        return _download(name)
    raise ModelError(f"there is no model {name!r}: neither a folder of that name nor one of the {_list_packaged()}")


def _list_packaged() -> str:
    return f"models that come with seehear: {', '.join(packaged_models()) or 'none'}"


def _download(repository: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(repository, allow_patterns=[WEIGHTS, CONFIG]))
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"there is no model {repository!r}: no such folder, and the Hugging Face hub does not give it ({reason}); "
            f"{_list_packaged()}"
        ) from error


ModelVersion = tuple[tuple[str, int, int], ...]
"""Path, modification time (ns) and size of a model's files."""


def model_version(model: str | Path | PretextModel) -> ModelVersion:
    """Return what changes when a model is trained or copied again, so that a loaded one is not used for too long.

    Raises:
        ModelError: there is no such model
    """
    if isinstance(model, PretextModel):
        return ()
    folder = find_model(str(model))
    return file_version(folder / WEIGHTS) + file_version(folder / CONFIG)


def file_version(path: Path) -> ModelVersion:
    """Return the path, modification time and size of a file; nothing if there is none."""
    try:
        stat = Path(path).stat()
    except OSError:
        return ()
    return ((str(path), stat.st_mtime_ns, stat.st_size),)


def read_config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = folder / CONFIG
    try:
        config = parse_json(read_text_checked(path))
    except LfsPointerError:
        raise
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no model: it has no {CONFIG}; name the folder of a run") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}); copy or download the model again") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path} is damaged (no object); copy or download the model again")
    return config


def init_from(model: PretextModel, name: str) -> None:
    """Initialise a model with the weights of a trained one.

    All weights are copied from a model of the same kind; otherwise only those of the speech encoder, which must have
    the same architecture.

    Args:
        model: model whose weights are replaced.
        name: name of the trained model, or the folder of a run.

    Raises:
        ModelError: unknown model, or its architecture differs.
    """
    folder = find_model(name)
    if read_config(folder).get("pretext") == model.name:
        load_weights(model, folder / WEIGHTS, "the model that is to begin with it")
        return
    other = load(name)
    state = other.speech.state_dict()
    difference = _difference(model.speech.state_dict(), state)
    if difference:
        raise ModelError(
            f"{name} is {other.with_article()} model, of which only the encoder of speech can be begun with, and it is "
            f"of another shape: {difference}"
        )
    model.speech.load_state_dict(state)


def load_weights(model: nn.Module, path: Path, whose: str = f"the {CONFIG} next to it") -> None:
    """Load weights into a model; the file must contain exactly its weights.

    Args:
        model: model whose weights are replaced.
        path: a model.safetensors.
        whose: what the weights should fit, for error messages.

    Raises:
        ModelError: the file is missing or damaged, or its weights do not fit.
        LfsLfsPointerError: the file is a Git LFS pointer.
    """
    try:
        check_not_lfs_pointer(path)
        state = load_file(path)
    except FileNotFoundError:
        raise ModelError(f"{path.parent} has no weights ({WEIGHTS} is missing); name the folder of a run") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged ({error}); copy or download the model again") from error
    difference = _difference(model.state_dict(), state)
    if difference:
        raise ModelError(f"{path} does not fit {whose}: {difference}")
    model.load_state_dict(state)


def _difference(expected: dict[str, Tensor], actual: dict[str, Tensor]) -> str:
    """Describe the first difference between two state dicts; empty if they fit."""
    for name in expected:
        if name not in actual:
            return f"{name} is missing"
        if expected[name].shape != actual[name].shape:
            return f"{name} has the shape {tuple(actual[name].shape)}, not {tuple(expected[name].shape)}"
    extra = sorted(set(actual) - set(expected))
    return f"it has {extra[0]}, which the model has not" if extra else ""
