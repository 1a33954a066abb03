"""Learn speech and face representations from unlabelled talking-face video, and use them."""

__version__ = "0.1.0"
