"""What a user is told when something cannot be done: one sentence that names the thing and the way out."""


class SeehearError(Exception):
    """A problem with what the user gave, not with the program. The command line prints it and exits with 2."""


class MediaError(SeehearError):
    """A media file cannot be read or written."""


class CorpusError(SeehearError):
    """A corpus on disk is missing, damaged or of another version."""


class ModelError(SeehearError):
    """A model, its weights or its preset cannot be found or do not fit."""
