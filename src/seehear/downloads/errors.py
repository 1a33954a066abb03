"""Why a data set cannot be brought."""

from seehear.errors import SeehearError


class DownloadError(SeehearError):
    """A data set, or a file of it, cannot be brought."""


class GoneError(DownloadError):
    """The server does not have a file."""


class BadArchiveError(DownloadError):
    """An archive is damaged, is not what was published, or wants to write elsewhere."""
