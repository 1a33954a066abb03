"""Data sets in small: files of a few bytes under the names that the real ones have."""

from pathlib import Path


def lay_out(root: Path, files: dict[str, str | bytes] | list[str]) -> Path:
    """Writes files below a folder: name -> content, or names of empty ones."""
    contents = files if isinstance(files, dict) else dict.fromkeys(files, b"")
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root
