"""The one table of label names: the classes of ArtGAN's WikiArt release, and names for artists outside it.

Source: the class files of the release (`style_class.txt`, `genre_class.txt`, `artist_class.txt`); the position in a
tuple is the class index that the release's lists use.
"""

import re

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
IGNORED = (UNKNOWN, -100)  # labels that take no part in a loss or a metric; -100 is torch's ignore_index

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
