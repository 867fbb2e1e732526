"""Records are strangers' texts: nothing of them becomes HTML."""

from html.parser import HTMLParser

from artextract_hf.retrieval import Hit
from spaces_app.cards import button, card, cards
from tests.conftest import plain_picture

HOSTILE = """"><script>alert(1)</script><img src=x onerror='alert(1)'>${alert(1)}{{alert}}"""


class Tags(HTMLParser):
    """Every tag of a page, with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(page)
    return parser.found


def test_every_field_is_text():
    fields = ("title", "artist_name", "year", "credit_line", "license", "alt_text")
    hit = Hit(HOSTILE, 0.5, 1, dict.fromkeys(fields, HOSTILE) | {"source_url": f"https://x.org/{HOSTILE}"})
    page = cards([card(hit, plain_picture((9, 9, 9)), [HOSTILE], button("click", hit.id, "Search", HOSTILE))])
    found = tags(page)
    kinds = [tag for tag, _ in found]
    assert kinds == ["ol", "li", "img", "strong", "span", "span", "span", "span", "a", "button"]
    names = {name for _, attributes in found for name in attributes}
    assert names == {"class", "src", "alt", "href", "target", "rel", "type", "data-does", "data-work", "aria-label"}
    given = {tag: attributes for tag, attributes in found}
    assert given["button"]["data-work"] == given["img"]["alt"] == HOSTILE
    assert given["img"]["src"].startswith("data:image/jpeg;base64,")


def test_only_addresses_of_the_web_are_links():
    for url in ("javascript:alert(1)", "data:text/html,x", "//x.org", "file:///etc/passwd", " https://x.org", "", None):
        page = card(Hit("a", 0.5, 1, {"source_url": url}), plain_picture((9, 9, 9)))
        assert not any(tag == "a" for tag, _ in tags(page))


def test_a_picture_is_described_by_its_record_or_by_its_caption():
    record = {"title": "Waves", "artist_name": "Ada", "year": 1900}
    (_, described), *_ = [t for t in tags(card(Hit("a", 1, 1, record), plain_picture((9, 9, 9)))) if t[0] == "img"]
    assert described["alt"] == "Waves, Ada, 1900"
    (_, described), *_ = [
        t for t in tags(card(Hit("a", 1, 1, record | {"alt_text": "A sea"}), plain_picture((9, 9, 9)))) if t[0] == "img"
    ]
    assert described["alt"] == "A sea"
