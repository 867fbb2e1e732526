"""The one table of label names: the classes of ArtGAN's WikiArt release, and names for artists outside it.

Source: the class files of the release (`style_class.txt`, `genre_class.txt`, `artist_class.txt`); the position in a
tuple is the class index that the release's lists use.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

STYLES = (
    "Abstract_Expressionism",
    "Action_painting",
    "Analytical_Cubism",
    "Art_Nouveau",
    "Baroque",
    "Color_Field_Painting",
    "Contemporary_Realism",
    "Cubism",
    "Early_Renaissance",
    "Expressionism",
    "Fauvism",
    "High_Renaissance",
    "Impressionism",
    "Mannerism_Late_Renaissance",
    "Minimalism",
    "Naive_Art_Primitivism",
    "New_Realism",
    "Northern_Renaissance",
    "Pointillism",
    "Pop_Art",
    "Post_Impressionism",
    "Realism",
    "Rococo",
    "Romanticism",
    "Symbolism",
    "Synthetic_Cubism",
    "Ukiyo_e",
)

GENRES = (
    "abstract_painting",
    "cityscape",
    "genre_painting",
    "illustration",
    "landscape",
    "nude_painting",
    "portrait",
    "religious_painting",
    "sketch_and_study",
    "still_life",
)

ARTISTS = (
    "Albrecht_Durer",
    "Boris_Kustodiev",
    "Camille_Pissarro",
    "Childe_Hassam",
    "Claude_Monet",
    "Edgar_Degas",
    "Eugene_Boudin",
    "Gustave_Dore",
    "Ilya_Repin",
    "Ivan_Aivazovsky",
    "Ivan_Shishkin",
    "John_Singer_Sargent",
    "Marc_Chagall",
    "Martiros_Saryan",
    "Nicholas_Roerich",
    "Pablo_Picasso",
    "Paul_Cezanne",
    "Pierre_Auguste_Renoir",
    "Pyotr_Konchalovsky",
    "Raphael_Kirchner",
    "Rembrandt",
    "Salvador_Dali",
    "Vincent_van_Gogh",
)

TASKS = ("style", "genre", "artist")
RELEASE_CLASSES = {"style": STYLES, "genre": GENRES, "artist": ARTISTS}

UNKNOWN = -1  # the label of a painting that a task does not list

_ALSO_KNOWN_AS = {
    "auguste renoir": "Pierre_Auguste_Renoir",
    "pierre auguste renoir": "Pierre_Auguste_Renoir",
    "rembrandt harmensz van rijn": "Rembrandt",
    "rembrandt van rijn": "Rembrandt",
    "hilaire germain edgar degas": "Edgar_Degas",
    "louis eugene boudin": "Eugene_Boudin",
    "frederick childe hassam": "Childe_Hassam",
}  # names of the release's artists as museums print them

_PARTICLES = {"van", "der", "den", "von", "de", "del", "della", "di", "da", "la", "le", "of", "the", "du", "ter"}


def artist_class(slug: str) -> str:
    """The class name of an artist from the slug in a file name, spelt as the release spells its 23.

    >>> artist_class("vincent-van-gogh")
    'Vincent_van_Gogh'
    >>> artist_class("arnold-bã¶cklin")  # UTF-8 once read as Latin-1, then put in lower case
    'Arnold_Böcklin'
    """
    words = mend_mojibake(slug).split("-")
    return "_".join(w if i and w in _PARTICLES else w.capitalize() for i, w in enumerate(words) if w)


def is_unknown(name: str) -> bool:
    """Whether a class name or a value says that nothing is known, as "Unknown Artist" does."""
    text = name.strip().lower()
    return not text or text.startswith("unknown") or text in ("n/a", "none", "null", "nan", str(UNKNOWN))


def match_class(name: str, names: Sequence[str]) -> str | None:
    """The class of `names` that is spelt like `name` but for case, accents, spaces and hyphens, or None.

    >>> match_class("Post-Impressionism", STYLES), match_class("albrecht-dürer", ARTISTS), match_class("Op art", STYLES)
    ('Post_Impressionism', 'Albrecht_Durer', None)
    """
    return {_plain(known): known for known in names}.get(_plain(name))


def known_artist(name: str) -> str | None:
    """The release's class of an artist as museums print the name, or None.

    >>> known_artist("Rembrandt van Rijn"), known_artist("Monet, Claude, 1840-1926"), known_artist("Frans Hals")
    ('Rembrandt', 'Claude_Monet', None)
    """
    parts = [part.strip() for part in name.split(",") if not re.search(r"\d", part)]
    spellings = [name, f"{parts[1]} {parts[0]}"] if len(parts) == 2 else [name]  # as a catalogue sorts them
    return next(filter(None, (match_class(_ALSO_KNOWN_AS.get(_plain(n), n), ARTISTS) for n in spellings)), None)


def class_table(task: str, values: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Class names and the label of each value: the release's classes if all values are among them, else their own.

    A task that the release does not have has no other than its own.

    Returns:
        The names in label order, and the label by value; what `is_unknown` is not among them.
    """
    known = sorted({value for value in values if not is_unknown(value)})
    names = list(RELEASE_CLASSES.get(task, ()))
    class_of = {value: match_class(value, names) or "" for value in known}
    if not all(class_of.values()):
        name_of = _class_name if task in RELEASE_CLASSES else str.strip  # those of one's own stay as they are written
        class_of = {value: name_of(value) for value in known}
        names = list(dict.fromkeys(class_of.values()))
    return names, {value: names.index(name) for value, name in class_of.items()}


def _class_name(value: str) -> str:
    return artist_class(value) if re.fullmatch(r"[^\sA-Z]+(-[^\sA-Z]+)+", value) else re.sub(r"\s+", "_", value.strip())


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return " ".join(re.findall("[a-z0-9]+", "".join(c for c in letters if not unicodedata.combining(c))))


def mend_mojibake(text: str) -> str:
    """Put back letters such as `í` that the release holds as `ã\\xad`: UTF-8 read as Latin-1, then lowered."""
    return re.sub("[ãÃ]([\x80-\xbf])", lambda m: bytes((0xC3, ord(m[1]))).decode(), text)


def display_name(class_name: str) -> str:
    """A class name as people read it.

    >>> display_name("Art_Nouveau"), display_name("still_life")
    ('Art Nouveau', 'Still life')
    """
    words = class_name.replace("_", " ")
    return words[:1].upper() + words[1:]
