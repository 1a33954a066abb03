"""Where in a picture to look for faces: everywhere now and then, close to the known faces in between.

A close look cuts out the surroundings of a known face at a fixed scale. It costs an eighth of a look at a whole one,
sees small faces in large pictures, and shows the network every face at the same size, so that the errors of its
landmarks, which depend on the size, are the same in all videos. So every face that comes out has had a close look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.media.faces import Detector, Face, overlap

Box = NDArray[np.float32]

CLOSE_SIDE = 96
"""Side of a close look, px. (Networks extend their input to multiples of 32.)"""

CLOSE_FACE = 64
"""Long side of the face in it, px: a face may have moved by a quarter of itself in any direction since it was seen."""

SIDES = (320, 640, 160)
"""Long sides of whole-picture looks, px: the usual one, one for small faces, one for faces that fill the picture."""

EVERYWHERE_EVERY = 2 * FPS
"""Pictures between two looks everywhere while all known faces are found."""

ALL_SIDES_EVERY = 2 * FPS
"""Pictures between two trials of all the `SIDES` while no face is found."""

SAME = 0.3
"""Faces that overlap by more are one face, found twice."""


class Searchable(Protocol):
    """What faces are searched in: `seehear.media.decode.Picture`, or anything that shrinks and warps like it."""

    index: int

    def small_bgr(self, long_side: int) -> tuple[NDArray[np.uint8], float]: ...

    def crop(self, matrix: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.uint8]: ...


class FaceSearch:
    """Finds the faces of one picture after the other, remembering which way it found them before."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.new_shot()

    def new_shot(self) -> None:
        """Forget what the pictures so far have taught."""
        self._side = SIDES[0]
        self._everywhere_at: int | None = None
        self._all_sides_at: int | None = None
        self._missed = 0

    def find(self, picture: Searchable, known: Sequence[Box]) -> list[Face]:
        """The faces of a picture.

        Args:
            picture: the next one, or a later one.
            known: boxes of the faces that were seen shortly before.
        """
        found = self.close(picture, known)
        missed = len(known) - len(found)
        if self._is_due(picture.index) or not found or missed > self._missed:
            candidates = [face.box for face in self._everywhere(picture, patient=not known)]
            new = [box for box in candidates if not _is_among(box, found)]
            found = _distinct(found + self.close(picture, new))
        self._missed = max(0, len(known) - len(found))
        return found

    def close(self, picture: Searchable, boxes: Sequence[Box]) -> list[Face]:
        """Faces that are found by close looks around these boxes: at most one each, none twice."""
        return _distinct([face for box in boxes for face in self._close(picture, box)])

    def _close(self, picture: Searchable, box: Box) -> list[Face]:
        """The face near a box, as a list of none or one."""
        scale = CLOSE_FACE / max(float(box[2:].max()), 1.0)
        shift = (CLOSE_SIDE - 1) / 2 - scale * (box[:2] + box[2:] / 2)
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        bgr = picture.crop(matrix, (CLOSE_SIDE, CLOSE_SIDE))[..., ::-1]
        faces = [face.moved(1 / scale, -shift / scale) for face in self._detector(np.ascontiguousarray(bgr))]
        near = [(float(overlap(box, face.box[None])[0]) + face.score, face) for face in faces]
        return [max(near, key=lambda pair: pair[0])[1]] if near else []

    def _is_due(self, index: int) -> bool:
        return self._everywhere_at is None or index - self._everywhere_at >= EVERYWHERE_EVERY

    def _everywhere(self, picture: Searchable, *, patient: bool) -> list[Face]:
        """Faces of the whole picture at the size that worked last; ``patient``: at all sizes, if it is time to."""
        self._everywhere_at = picture.index
        tried_lately = self._all_sides_at is not None and picture.index - self._all_sides_at < ALL_SIDES_EVERY
        sides = [self._side]
        if patient and not tried_lately:
            self._all_sides_at = picture.index
            sides += [side for side in SIDES if side != self._side]
        scales = set()
        for side in sides:
            small, scale = picture.small_bgr(side)
            if scale not in scales:  # a small picture is not enlarged: it has been seen at this size
                scales.add(scale)
                if found := self._detector(small):
                    self._side = side
                    return [face.moved(1 / scale, np.full(2, 0.5 / scale - 0.5)) for face in found]
        return []


def _is_among(box: Box, faces: Sequence[Face]) -> bool:
    return bool(faces) and bool(overlap(box, np.stack([face.box for face in faces])).max() > SAME)


def _distinct(faces: Sequence[Face]) -> list[Face]:
    """Without the second finds of a face, the better one kept."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not _is_among(face.box, kept):
            kept.append(face)
    return kept
