"""What may be published: a record is open if its licence lets anybody use and share the picture, also changed or sold.

Open are CC0, the public domain mark, CC BY, CC BY-SA and "no known copyright". A statement is open where all of it is
in the table below; a part is not enough, since "not in the public domain" holds the words of one that is. Not open is
everything else: NonCommercial and NoDerivatives licences, fair use, anything in copyright, what nobody states.

Of several statements about a picture each has to be open, and no credit beside them may claim copyright or name a
licence that is not open. CC BY and CC BY-SA leave the copyright with its holder: beside them a credit may name that
holder, but reserve no rights. Who is named as the holder of rights claims them, as "(c)" before the name does.
"""

import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache

from datasets import Dataset

from artextract_hf.data.labels import is_unknown
from artextract_hf.data.schema import SkipList
from artextract_hf.data.words.reserved import reserves_rights
from artextract_hf.errors import DataError

ALLOW = "--allow-restricted"

# Statements as `_normal` leaves them: lower case, words parted by one space, no punctuation but the dot of a version.
_CC0 = frozenset({
    "cc0", "cc 0", "cc zero", "cc0 1.0", "cc 0 1.0", "cc zero 1.0", "cc0 1.0 universal", "cc0 license", "cc0 licence",
    "cc0 public domain", "public domain cc0", "cc0 public domain dedication", "cc0 public domain designation",
    "cc0 1.0 universal public domain dedication", "cc0 1.0 universal cc0 1.0 public domain dedication",
    "creative commons 0", "creative commons zero", "creative commons zero cc0", "creative commons zero public domain",
    "creative commons zero 1.0", "creative commons zero 1.0 universal", "creative commons zero v1.0 universal",
    "creative commons cc0", "creative commons cc0 1.0", "creative commons cc0 1.0 universal",
    "creative commons cc0 1.0 universal public domain dedication",
})  # fmt: skip
_FREE_OF_COPYRIGHT = frozenset({
    "public domain", "in the public domain", "pd us", "public domain in the usa", "public domain in the united states",
    "public domain worldwide", "this work is in the public domain", "pd", "pdm", "pdm 1.0", "cc pdm",
    "cc pdm 1.0", "public domain mark", "public domain mark 1.0", "public domain mark 1.0 universal",
    "creative commons public domain mark", "creative commons public domain mark 1.0", "cc pddc",
    "public domain dedication", "no copyright", "no copyright united states", "noc us", "no known copyright", "nkc",
    "no known copyright restrictions", "there are no known copyright restrictions",
    "gemeinfrei", "gemeinfreies werk", "werk ist gemeinfrei", "das werk ist gemeinfrei", "kein urheberrechtsschutz",
    "keine bekannten urheberrechtlichen beschränkungen", "domaine public", "dans le domaine public",
    "œuvre du domaine public", "œuvre dans le domaine public", "pubblico dominio", "dominio pubblico",
    "di pubblico dominio", "opera di pubblico dominio", "opera in pubblico dominio", "dominio público",
    "dominio publico", "de dominio público", "en el dominio público", "en dominio público", "obra de dominio público",
    "domínio público", "em domínio público", "publiek domein", "in het publiek domein", "openbaar domein",
    "in het openbaar domein", "domena publiczna", "общественное достояние",
    "パブリックドメイン", "パブリック・ドメイン", "公有领域", "公有領域", "公共领域", "公共領域", "퍼블릭 도메인",
})  # fmt: skip
# Countries to whose law a Creative Commons licence was adapted; "nc" and "nd" are none of them.
_PORTED = (
    "ar|at|au|be|bg|br|ca|ch|cl|cn|co|cr|cz|de|dk|ec|ee|eg|es|fi|fr|gr|gt|hk|hr|hu|ie|igo|il|in|it|jp|kr|lu|mk|mt|mx|"
    "my|nl|no|nz|pe|ph|pl|pr|pt|ro|rs|scotland|se|sg|si|th|tw|ug|uk|us|ve|vn|za"
)
_ATTRIBUTION = re.compile(
    r"(cc|creative commons) (by|attribution)( sa| share ?alike)?( licen[sc]e)?"
    rf"( 4\.0( (international|int))?| [1-3]\.[05]( (unported|generic|{_PORTED}))?)?( (public )?licen[sc]e)?"
)
# https://creativecommons.org/licenses/by-sa/3.0/de/deed.fr, https://rightsstatements.org/page/NoC-US/1.0/?language=en
_ADDRESS = re.compile(
    r"(https?://)?(www\.)?("
    r"creativecommons\.org/(publicdomain/(?P<dedication>zero|mark)|licenses/((?P<attribution>by|by-sa)|publicdomain))"
    rf"(/\d\.\d)?(/({_PORTED}))?(/(deed|legalcode)(\.[a-z]{{2,3}}([_-][a-z]+)?)?)?"
    r"|rightsstatements\.org/(vocab|page)/(noc-us|nkc)(/1\.0)?"
    r")/?([?#][\w=&-]*)?"
)
# What takes the claim out of a mention of copyright, or "(c)" out of a series; the words between are few, so that no
# other sentence gets in.
_NO_CLAIM = re.compile(
    r"\b(no|not|out of|free of|free from|without)"
    r"( (any|known|longer|in|under|by|of|subject|to|protected|restrictions?|the|rights?))* (copyright|rights reserved)"
    r"|\(b\)[^()]{0,9}\(c\)|copyright[ -](free|expired|has expired)|some rights reserved"
)
_COPYRIGHT_SIGN = re.compile("&(copy|#0*169|#x0*a9);|[\u24b8\u24d2]", re.IGNORECASE)  # as pages have it
_HOLDER = r"\u00a9|\(c\)|copyright|urheberrechtlich geschützt|auteursrecht|droits? d'auteur"
_SIGNED = r"\u00a9|(?<![\w)])\(c\) ?(?=[^\W_])"  # before a name or a year
# A licence that is not open, in a text that says more than its name.
_CLOSED = (
    r"(?<![a-z])by[\s_\-\u2010-\u2015](sa[\s_\-\u2010-\u2015])?n[cd](?![a-z])|\b(non|nicht)[\s-]?(commercial|kommerziell)"
    r"|\bno[\s-]?deriv|\bfair use\b|creativecommons\.org/licenses/(?!by(-sa)?\b(?!-)|publicdomain)"
    r"|rightsstatements\.org/(vocab|page)/(?!noc-us|nkc)"
)


def is_open(license: str | None) -> bool:
    """Whether a licence, as a museum states it or as an address, lets anybody use and share the picture.

    >>> is_open("CC0 1.0"), is_open("https://creativecommons.org/licenses/by-sa/4.0/"), is_open("CC BY-NC 4.0")
    (True, True, False)
    """
    text = _normal(license)
    known = is_cc0(license) or text in _FREE_OF_COPYRIGHT or _ATTRIBUTION.fullmatch(text)
    return bool(known or _ADDRESS.fullmatch(_address(license)))


def is_cc0(license: str | None) -> bool:
    """Whether a licence is Creative Commons Zero.

    >>> is_cc0("CC0-1.0"), is_cc0("http://creativecommons.org/publicdomain/zero/1.0/"), is_cc0("Public Domain")
    (True, True, False)
    """
    address = _ADDRESS.fullmatch(_address(license))
    return _normal(license) in _CC0 or bool(address and address["dedication"] == "zero")


def least_open(statements: Iterable[str]) -> str:
    """What several statements about the same picture come to: the first that is not open; else the first.

    >>> least_open(["CC0", "", "In copyright"]), least_open(["CC0", "Public Domain"])
    ('In copyright', 'CC0')
    """
    stated = list(filter(None, statements))
    return next((statement for statement in stated if not is_open(statement)), next(iter(stated), ""))


def is_closed(license: str | None) -> bool:
    """Whether something is stated that is not open."""
    return bool(license) and not is_open(license)


def shared_rights(licenses: Sequence[str], pictures: Iterable[Hashable | None]) -> list[str]:
    """The licences of records; of those with the same picture, None for no other's, one that is not open counts in all.

    >>> shared_rights(["CC0", "In copyright", "CC0", ""], ["a", "a", None, "a"])
    ['In copyright', 'In copyright', 'CC0', 'In copyright']
    """
    known = list(pictures)
    closed: dict[Hashable, str] = {}
    for picture, license in zip(known, licenses, strict=True):
        if picture is not None and is_closed(license):
            closed.setdefault(picture, license)
    return [own if is_closed(own) else closed.get(p, own) for p, own in zip(known, licenses, strict=True)]


def claims_copyright(credit: str, license: str = "") -> bool:
    """Whether a credit line or an attribution claims rights that the licence beside it does not give.

    >>> claims_copyright("(c) Ann Example"), claims_copyright("No known copyright restrictions")
    (True, False)
    >>> claims_copyright("(c) Ann Example", "CC BY 4.0"), claims_copyright("All rights reserved", "CC BY 4.0")
    (False, True)
    """
    return _claims(credit, license, _HOLDER)


def signs_copyright(text: str, license: str = "") -> bool:
    """Whether a text of whatever kind, as a title, claims rights: by a sign, by reserving them or by a licence's name.

    >>> [signs_copyright(text) for text in ("\u00a9 2020 Ann Example", "Copyright Law, a print", "Views (a), (b), (c)")]
    [True, False, False]
    """
    return _claims(text, license, _SIGNED)


@lru_cache(maxsize=1000)  # rows say the same again and again
def _claims(text: str, license: str, holder: str) -> bool:
    signed = unicodedata.normalize("NFKC", _COPYRIGHT_SIGN.sub("\u00a9", text))
    plain = _NO_CLAIM.sub(" ", " ".join(signed.lower().split()))
    claims = re.search(_CLOSED, plain) or reserves_rights(plain)
    return bool(claims or re.search(holder, plain) and not _asks_for_attribution(license))


def names_closed(text: str) -> bool:
    """Whether a text names a licence that is not open.

    >>> names_closed("Ann (CC BY-NC 4.0)"), names_closed("http://rightsstatements.org/vocab/InC/1.0/")
    (True, True)
    >>> names_closed("https://creativecommons.org/licenses/by"), names_closed("cc_by_sa"), names_closed("LICENSE")
    (False, False, False)
    """
    return bool(re.search(_CLOSED, text.lower()))


def claims_as_holder(holder: str, license: str = "") -> bool:
    """Whether a holder of rights is named who claims what the licence beside the name gives away.

    >>> [claims_as_holder("Ann Example", license) for license in ("CC0", "CC BY 4.0")], claims_as_holder("none", "CC0")
    ([True, False], False)
    """
    text = holder.strip().lower()
    is_nobody = is_unknown(text) or text in ("no", "nobody", "false") or is_open(text) or _NO_CLAIM.search(text)
    return (
        names_closed(text)
        or not is_nobody
        and bool(re.search(r"\w", text))
        and claims_copyright(f"\u00a9 {text}", license)
    )


def _asks_for_attribution(license: str) -> bool:
    address = _ADDRESS.fullmatch(_address(license))
    return bool(_ATTRIBUTION.fullmatch(_normal(license)) or (address and address["attribution"]))


def states_no_rights(dataset: Dataset) -> bool:
    """Whether no record at all names a licence: pictures of one's own, as a folder of files is."""
    return not any(dataset["license"])


def keep_open(dataset: Dataset, skipped: SkipList) -> Dataset:
    """The records with an open licence; every other one is noted in `skipped`.

    Raises:
        DataError: not a single one has.
    """
    kept = []
    for row, (id_, license) in enumerate(zip(dataset["id"], dataset["license"], strict=True)):
        if is_open(license):
            kept.append(row)
        else:
            stated = f"its licence is not open ({license})" if license else "it states no licence"
            skipped.add(id_, f"{stated}; {ALLOW} takes it in")
    if not kept and len(dataset):
        stated = ", ".join(sorted({license or "none stated" for license in dataset["license"]})[:3])
        raise DataError(f"none of the {len(dataset)} records has an open licence ({stated}); {ALLOW} takes them in.")
    return dataset if len(kept) == len(dataset) else dataset.select(kept)


def _normal(license: str | None) -> str:
    """A statement in lower case, its words parted by one space.

    >>> _normal("CC-BY-SA 3.0 (Unported)."), _normal("Creative Commons: Attribution-ShareAlike")
    ('cc by sa 3.0 unported', 'creative commons attribution sharealike')
    """
    text = unicodedata.normalize("NFKC", license if isinstance(license, str) else "").lower()
    return " ".join(re.sub(r"[\s_\-\u2010-\u2015,;:()\[\]]+|\.(?!\d)", " ", text).split())


def _address(license: str | None) -> str:
    return license.strip().lower() if isinstance(license, str) else ""
