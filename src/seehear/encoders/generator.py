"""The generator of `animate`: a still and what is heard, to pictures."""

from __future__ import annotations

from torch import Tensor, nn

from seehear.encoders.frame_decoder import FrameDecoder
from seehear.encoders.identity import IdentityEncoder
from seehear.encoders.noise_walk import VARIANCE, NoiseWalk
from seehear.encoders.norms import NormName

Still = tuple[Tensor, Tensor, list[Tensor]]
"""The still (B, planes, size, size), its identity and its maps."""


class Generator(nn.Module):
    """Identity encoder, noise and frame decoder (Shukla et al. 2020, arXiv 2001.04316, section 2).

    Attributes:
        noise: makes what is not heard.
    """

    def __init__(
        self,
        size: int,
        planes: int,
        widths: tuple[int, ...],
        *,
        heard: int,
        identity: int,
        noise: int,
        skips: int | None = None,
        residual: bool = False,
        norm: NormName = "group",
        noise_variance: float = VARIANCE,
    ) -> None:
        """Makes the layers.

        Args:
            size: side of the pictures.
            planes: 3 for RGB, 1 for luma.
            widths: channels of the maps, from the finest, size / 2 wide, to the coarsest.
            heard: width of what is heard.
            identity: numbers that say who it is.
            noise: numbers a frame that say what is not heard; may be 0.
            skips: levels at which the still's maps join in, from the coarsest; by default all.
            residual: the difference from the still is drawn. The papers draw the picture itself.
            norm: see `seehear.encoders.norms`.
            noise_variance: see `NoiseWalk`.
        """
        super().__init__()
        self.residual = residual
        self.identity = IdentityEncoder(size, planes, widths, identity, norm)
        self.noise = NoiseWalk(noise, noise_variance)
        self.decoder = FrameDecoder(self.identity.side, planes, widths, identity, heard + noise, skips, norm)
        if residual:  # begin with the still itself
            for values in self.decoder.last.larger.parameters():
                nn.init.zeros_(values)

    def look(self, still: Tensor) -> Still:
        """What `draw` needs of stills (B, planes, size, size) in 0..1, once for all of their frames."""
        identity, maps = self.identity(still)
        return still, identity, maps

    def draw(self, looked: Still, moving: Tensor) -> Tensor:
        """Frames.

        Args:
            looked: see `look`.
            moving: what is heard and the noise, side by side, (B, F, heard + noise).

        Returns:
            (B, F, planes, size, size) in 0..1; in training a residual may leave these bounds.
        """
        still, identity, maps = looked
        drawn: Tensor = self.decoder(identity, maps, moving).float()
        if not self.residual:
            return drawn.sigmoid()
        drawn = still.unsqueeze(1) + drawn.tanh()
        return drawn if self.training else drawn.clamp(0, 1)

    def forward(self, still: Tensor, moving: Tensor) -> Tensor:
        """`look`, then `draw`."""
        return self.draw(self.look(still), moving)
