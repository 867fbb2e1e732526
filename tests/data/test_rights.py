"""Which licences are open, as museums and rightsstatements.org write them."""

import pytest

from artextract_hf.data import rights
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.errors import DataError


@pytest.mark.parametrize(
    "license",
    [
        "CC0",
        "CC0 1.0",
        "CC0-1.0",
        "https://creativecommons.org/publicdomain/zero/1.0/",
        "http://creativecommons.org/publicdomain/mark/1.0/",
        "Public Domain",
        "CC BY 4.0",
        "cc-by-sa-3.0",
        "https://creativecommons.org/licenses/by-sa/4.0/deed.de",
        "Creative Commons Attribution 4.0 International",
        "No known copyright restrictions",
        "http://rightsstatements.org/vocab/NoC-US/1.0/",
        "https://rightsstatements.org/page/NKC/1.0/?language=en",
        "CC0 Public Domain Designation",
        "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication",
        "public_domain",
        "Public Domain Mark 1.0",
        "pdm",
        "cc-by-sa-3.0-de",
        "CC BY-SA 2.5",
        "Creative Commons Attribution-Share Alike 4.0 International License",
        "CC BY 3.0 (Unported)",
        "https://creativecommons.org/licenses/by/3.0/igo/legalcode",
        "creativecommons.org/publicdomain/zero/1.0",
        "No Copyright - United States",
        "PD-US",
        "Public domain in the USA",
        "Openbaar domein",
        "パブリックドメイン",
    ],
)
def test_open(license):
    assert rights.is_open(license)


@pytest.mark.parametrize(
    "license",
    [
        None,
        "",
        "  ",
        "In Copyright",
        "© 2020 The Museum",
        "All rights reserved",
        "CC BY-NC 4.0",
        "CC BY-NC-SA 4.0",
        "CC BY-ND",
        "https://creativecommons.org/licenses/by-nc-nd/4.0/",
        "Creative Commons Attribution-NonCommercial 4.0",
        "http://rightsstatements.org/vocab/InC/1.0/",
        "http://rightsstatements.org/vocab/NoC-NC/1.0/",
        "ArtGAN WikiArt release: non-commercial research",
        "fair use, at most 900 pixels",
        "not in the public domain",
        "account 0",
        "incc0rrect",
        "not in public domain",
        "Not Public Domain",
        "No CC0",
        "not CC0",
        "public domain status unknown",
        "Possibly public domain",
        "Public domain in the United States only; in copyright elsewhere",
        "The text is CC0, the picture is (c) the museum",
        "CC BY 4.0 NC",
        "CC BY: no",
        "CC BY 4.0: no",
        "CC BY 4.0 (non commercial)",
        "CC-BY-NC",
        "CC BY or all rights reserved",
        "No Copyright - Other Known Legal Restrictions",
        "No Copyright - Non-Commercial Use Only",
        "http://rightsstatements.org/vocab/NoC-OKLR/1.0/",
        "http://rightsstatements.org/vocab/CNE/1.0/",
        "http://rightsstatements.org/vocab/UND/1.0/",
        "https://creativecommons.org/licenses/by-nc/4.0/?by-sa",
        "https://evil.example/creativecommons.org/publicdomain/zero/1.0/",
        "https://creativecommons.org.evil.example/publicdomain/zero/1.0/",
        "https://creativecommons.org/publicdomain/zero/1.0/ does not apply",
        "http://www.europeana.eu/rights/rr-f/",
        "not open access",
        "0",
    ],
)
def test_not_open(license):
    assert not rights.is_open(license)


@pytest.mark.parametrize("license", ["CC0", "cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"])
def test_cc0(license):
    assert rights.is_cc0(license)


@pytest.mark.parametrize("license", [None, "", "No CC0", "Public Domain", "CC BY 4.0", "in cc0pyright"])
def test_not_cc0(license):
    assert not rights.is_cc0(license)


@pytest.mark.parametrize(
    "text",
    ["(c) Artist, all rights reserved", "\u00a9 2020 The Museum", "Copyright the artist's estate", "still in copyright",
     "Alle Rechte vorbehalten", "Tous droits r\u00e9serv\u00e9s", "Picasso / ADAGP, Paris", "VG Bild-Kunst, Bonn 2020",
     "Not for reuse without permission, copyright Museum", "No photography. Copyright Ann",
     "Urheberrechtlich gesch\u00fctzt", "No known copyright in the frame, \u00a9 the painter"],
)  # fmt: skip
def test_a_credit_that_claims_copyright(text):
    assert rights.claims_copyright(text)


@pytest.mark.parametrize(
    "text",
    ["", "Gift of Ann Example, 1920", "Courtesy National Gallery of Art, Washington", "The Museum",
     "No known copyright restrictions", "No copyright", "Not in copyright", "no rights reserved", "Copyright-free",
     "being free of known restrictions under copyright law, including all related and neighbouring rights",
     "Barcelona, (c. 1890)", "Purchased with funds for the Arts"],
)  # fmt: skip
def test_a_credit_that_claims_nothing(text):
    assert not rights.claims_copyright(text)


RESERVED = [
    "Все права защищены", "ВСЕ ПРАВА ЗАЩИЩЕНЫ", "Wszelkie prawa zastrzeżone", "無断転載を禁じます", "版权所有",
    "保留所有权利", "모든 권리 보유", "Kaikki oikeudet pidätetään", "Tüm hakları saklıdır", "TÜM HAKLARI SAKLIDIR",
    "Alla rättigheter förbehållna", "Alle rettigheter forbeholdt", "Alle rettigheder forbeholdes",
    "Všechna práva vyhrazena", "Minden jog fenntartva", "Toate drepturile rezervate",
    "Με επιφύλαξη παντός δικαιώματος", "ΜΕ ΕΠΙΦΥΛΑΞΗ ΠΑΝΤΟΣ ΔΙΚΑΙΩΜΑΤΟΣ", "כל הזכויות שמורות", "جميع الحقوق محفوظة",
    "Усі права захищені", "Sva prava pridržana", "Tots els drets reservats", "Todos os direitos reservados",
    "Not for reproduction", "For personal use only", "This picture may not be reproduced.", "no commercial use",
    "No reproduction without permission", "ARS, NY", "Permission required for any use", "For study purposes only",
    "Reproduction prohibited", "Reproduction interdite", "Ａll rights reserved", "Ⓒ 2020 X", "&#0169; X",
]  # fmt: skip


@pytest.mark.parametrize("text", RESERVED)
def test_rights_are_reserved_in_any_language(text):
    assert rights.claims_copyright(text) and rights.signs_copyright(f"Harbour. {text}", "CC0")


@pytest.mark.parametrize(
    "text",
    ["No known restrictions on publication", "No permission required", "Free to use without permission",
     "No publication is known of", "Права человека, плакат", "Museo de los derechos humanos", "Ars longa, vita brevis",
     "Only for a short time", "Use is unrestricted", "no rights reserved"],
)  # fmt: skip
def test_what_sounds_like_reserved_rights_is_no_claim(text):
    assert not rights.claims_copyright(text)


def test_of_several_statements_none_hides_one_that_is_not_open():
    assert rights.least_open(["CC0", "", "In copyright", "CC BY"]) == "In copyright"
    assert rights.least_open(["", "CC0", "CC BY"]) == "CC0" and rights.least_open([""]) == ""


def dataset(*licenses):
    records = [new_record(id=str(i), image={"bytes": None, "path": None}, license=x) for i, x in enumerate(licenses)]
    return make_dataset(records, painting_features())


def test_what_is_not_open_is_left_out_and_listed():
    skipped = SkipList()
    kept = rights.keep_open(dataset("CC0", "In Copyright", "", "CC BY 4.0"), skipped)
    assert kept["id"] == ["0", "3"]
    reasons = {item.path: item.reason for item in skipped.items}
    assert "In Copyright" in reasons["1"] and "states no licence" in reasons["2"]
    assert all(rights.ALLOW in reason for reason in reasons.values())


def test_a_collection_without_any_open_record_is_refused():
    with pytest.raises(DataError, match="none of the 2 records .*In Copyright.*--allow-restricted"):
        rights.keep_open(dataset("In Copyright", ""), SkipList())


def test_a_collection_that_states_nothing_at_all():
    assert rights.states_no_rights(dataset("", ""))
    assert not rights.states_no_rights(dataset("", "CC0"))


@pytest.mark.parametrize("license", ["CC BY 4.0", "CC BY-SA", "https://creativecommons.org/licenses/by-sa/3.0/de/"])
def test_beside_a_licence_that_asks_for_attribution_only_reserved_rights_are_a_claim(license):
    assert not rights.claims_copyright("\u00a9 2020 The Museum", license)
    assert rights.claims_copyright("\u00a9 2020 The Museum, all rights reserved", license)
    assert rights.claims_copyright("\u00a9 2020 The Museum", "CC0")
