"""The paper's sound tower as an encoder of speech: the same windows, and in turns the same as at once."""

from __future__ import annotations

import pytest
import torch

from seehear.audio.spectrum import LogMel
from seehear.nn import build_encoder
from seehear.nn.embed import PaddedSpeechEncoder


def sound(frames: int, clips: int = 1) -> torch.Tensor:
    return 0.1 * torch.randn(clips, frames * 640, generator=torch.Generator().manual_seed(0))


def test_its_windows_are_those_of_the_sync_tower() -> None:
    torch.manual_seed(0)
    speech = build_encoder("speech", "vggm", {"dim": 6}).eval()
    padded = PaddedSpeechEncoder(speech.sound, LogMel(speech.sound.bands), normalised=False)
    with torch.no_grad():
        torch.testing.assert_close(speech(sound(9, 2)), padded(sound(9, 2)))
        torch.testing.assert_close(speech(sound(9, 2), "trunk"), padded(sound(9, 2), "spectrum"))


@pytest.mark.parametrize("normalise", ["clip", "fixed"])
def test_long_recordings_go_through_in_turns(normalise: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    speech = build_encoder("speech", "vggm", {"dim": 6, "normalise": normalise}).eval()
    once, windows, features = speech(sound(17)), [], speech.sound.features
    monkeypatch.setattr(speech.sound, "features", lambda mel: windows.append(mel.shape[1] // 4 - 4) or features(mel))
    monkeypatch.setattr("seehear.nn.vggm.CHUNK_FRAMES", 5)
    with torch.no_grad():
        turns = speech(sound(17))
    torch.testing.assert_close(turns, once, atol=1e-5, rtol=1e-4)
    assert windows == [5, 5, 5, 2]


def test_a_single_video_frame_is_enough() -> None:
    speech = build_encoder("speech", "vggm", {"dim": 6}).eval()
    assert speech(sound(1)).shape == (1, 1, 6)
