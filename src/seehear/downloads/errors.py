"""Why a data set cannot be brought."""

from seehear.errors import SeehearError


class DownloadError(SeehearError):
    """A data set, or a file of it, cannot be brought."""


class GoneError(DownloadError):
    """The server does not have a file."""
