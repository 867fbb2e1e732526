"""The address of a licence: what `rights` of IIIF, `license` of schema.org and rights of Linked Art take.

The Presentation API takes addresses of Creative Commons and of RightsStatements.org, in the form `http://`, and no
others: a licence in words that names none of them has no address, and stands in the metadata only.
"""

import re

from artextract_hf.data.rights import is_cc0

CREATIVE_COMMONS, STATEMENTS = "http://creativecommons.org", "http://rightsstatements.org/vocab"
CC0, MARK = f"{CREATIVE_COMMONS}/publicdomain/zero/1.0/", f"{CREATIVE_COMMONS}/publicdomain/mark/1.0/"
# rightsstatements.org/en/documentation: the twelve statements
CODES = {
    code.lower(): code
    for code in (
        "InC", "InC-OW-EU", "InC-EDU", "InC-NC", "InC-RUU", "NoC-CR", "NoC-NC", "NoC-OKLR", "NoC-US", "CNE",
        "UND", "NKC",
    )
}  # fmt: skip
_KIND = r"by(-nc)?(-nd|-sa)?"
_CC_ADDRESS = re.compile(
    r"(https?://)?(www\.)?creativecommons\.org/"
    rf"(licenses/{_KIND}/\d\.\d(/[a-z]{{2,8}})?|publicdomain/(zero|mark)/1\.0)"
)
_DEED = re.compile(r"/(deed|legalcode).*")
_STATEMENT = re.compile(r"(https?://)?(www\.)?rightsstatements\.org/(vocab|page)/([a-z-]+)/1\.0(/.*)?")
_NAME = re.compile(
    r"(?:cc |creative commons )?(by(?: nc)?(?: nd| sa)?) (\d\.\d)(?: (?:international|unported|generic))?"
)
_MARK_NAMES = ("public domain mark", "public domain mark 1.0", "pdm", "pdm 1.0", "cc pdm 1.0")


def rights_address(licence: str) -> str:
    """The address of a licence, as the Presentation API takes it; nothing where it names none.

    >>> rights_address("CC BY-SA 4.0"), rights_address("https://creativecommons.org/licenses/by/3.0/de/deed.de")
    ('http://creativecommons.org/licenses/by-sa/4.0/', 'http://creativecommons.org/licenses/by/3.0/de/')
    >>> rights_address("CC0"), rights_address("Public Domain"), rights_address("https://museum.example/terms")
    ('http://creativecommons.org/publicdomain/zero/1.0/', '', '')
    """
    text = " ".join(licence.lower().split())
    if found := _CC_ADDRESS.fullmatch(_DEED.sub("", re.sub(r"[?#].*", "", text)).rstrip("/")):
        return f"{CREATIVE_COMMONS}/{found[3]}/"
    if (found := _STATEMENT.fullmatch(re.sub(r"[?#].*", "", text))) and found[4] in CODES:
        return f"{STATEMENTS}/{CODES[found[4]]}/1.0/"
    if is_cc0(licence):
        return CC0
    if text in _MARK_NAMES:
        return MARK
    if found := _NAME.fullmatch(re.sub(r"[\s_-]+", " ", text)):
        return f"{CREATIVE_COMMONS}/licenses/{found[1].replace(' ', '-')}/{found[2]}/"
    return ""
