"""The files that a list names: found in whatever way their names are spelt, and refused outside the list's folder."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from artextract_hf.errors import ImageError

ALLOW_OUTSIDE = "--allow-outside"


def is_inside(path: str | Path, folder: str | Path) -> bool:
    """Whether a path, with all links followed, lies in a folder; neither has to exist."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except (OSError, ValueError):  # a name that no file can have
        return False


def homes(folder: Path) -> list[Path]:
    """Where the files of a folder lie: in it; those of a snapshot in the Hub's cache are links to the blobs beside."""
    snapshots = folder.resolve().parent
    return [folder, snapshots.parent / "blobs"] if snapshots.name == "snapshots" else [folder]


def first_elsewhere(paths: Iterable[Path], places: Sequence[Path]) -> Path | None:
    """The first path that lies in none of these folders, links followed."""
    return next((path for path in paths if not any(is_inside(path, place) for place in places)), None)


def outside(folder: str | Path) -> str:
    """The reason why a picture is left out that does not lie in the folder of its collection."""
    return f"lies outside the collection {folder}; {ALLOW_OUTSIDE} takes it in"


class NamedFiles:
    """The files of a folder, by the names that a list gives them.

    A name that no file has in exactly this spelling is that of the file which differs from it in less: in back slashes
    (Windows), in the form of Unicode (macOS parts a letter from its accents), or in capitals.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._spellings: dict[Path, dict[str, str]] = {}
        self._inside: dict[Path, bool] = {}

    def find(self, name: str) -> Path:
        """The path of a file; where there is none, the path that it would have.

        Raises:
            ImageError: the name is an address, or a path that only Windows has.
        """
        if "\0" in name:
            raise ImageError("there is no such file")
        if re.match(r"[a-z][a-z0-9+.-]+://", name, re.IGNORECASE):
            raise ImageError("is an address; the pictures of a table have to be files on this machine")
        if re.match(r"[a-z]:[\\/]|\\\\", name, re.IGNORECASE):
            raise ImageError(f"is a path of a Windows machine; give it relative to {self.folder}")
        path = self._path(name)
        if os.path.lexists(path) or not is_inside(path, self.folder):
            return path
        path = self._path(name.replace("\\", "/"))
        if os.path.lexists(path) or not path.is_relative_to(self.folder):
            return path
        found = self.folder
        for part in path.relative_to(self.folder).parts:
            found /= self._spelt(found).get(_key(part), part)
        return found

    def has(self, name: str) -> bool:
        """Whether the folder has the file of a name."""
        try:
            return os.path.lexists(self.find(name))
        except ImageError:
            return False

    def hold(self, path: Path) -> bool:
        """`is_inside` for one of many files; a folder that holds several is looked at once."""
        if os.path.islink(path):  # noqa: PTH114  (answers no where Path raises: for a name that is too long)
            return is_inside(path, self.folder)
        if path.parent not in self._inside:
            self._inside[path.parent] = is_inside(path.parent, self.folder)
        return self._inside[path.parent]

    def _path(self, name: str) -> Path:
        return Path(os.path.normpath(self.folder / name))

    def _spelt(self, folder: Path) -> dict[str, str]:
        """The names in a folder by their keys; two names with the same key are not told apart, and so left out."""
        if folder not in self._spellings:
            try:
                names = [path.name for path in folder.iterdir()]
            except OSError:
                names = []
            times = Counter(map(_key, names))
            self._spellings[folder] = {_key(name): name for name in names if times[_key(name)] == 1}
        return self._spellings[folder]


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).lower()
