"""Separable linear maps of pictures, as matrix products over whole batches."""

from __future__ import annotations

import torch
from torch import Tensor


def resample(pictures: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Map the rows and the columns of every picture: rows @ picture @ columns^T.

    Args:
        pictures: (B, planes, height, width).
        rows: (B or 1, new height, height).
        columns: (B or 1, new width, width).

    Returns:
        (B, planes, new height, new width).
    """
    across = torch.matmul(pictures.flatten(1, 2), columns.mT).view(*pictures.shape[:3], -1)
    return torch.matmul(rows.unsqueeze(1), across)
