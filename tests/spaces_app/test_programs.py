"""What programs ask of the page: over HTTP by gradio's client, and over MCP; and what strangers ask in their place."""

import asyncio
import base64
import http.client
import io
import json
import re
import urllib.request
from contextlib import closing, suppress
from urllib.parse import urlsplit

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from artextract_hf.data import fetch_picture, synthetic_paintings
from spaces_app import programs
from tests.conftest import plain_picture
from tests.spaces_app.conftest import HOSTILE
from tests.spaces_app.test_upload import META, NO_UPLOAD, ask, asked, secret, upload  # noqa: F401 (two are fixtures)

pytestmark = pytest.mark.filterwarnings("default")  # gradio's and starlette's own
QUESTIONS = {
    "/classify": ["picture"],
    "/similar": ["picture", "k", "where", "offset"],
    "/work": ["id"],
    "/facets": [],
    "/contact_sheet": ["picture", "k", "where", "ids"],
}


def encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def works() -> list[Image.Image]:
    """The pictures of the collection that is served."""
    return synthetic_paintings(6, seed=1)["image"][:]


@pytest.fixture(scope="module")
def painting(works, tmp_path_factory):
    path = tmp_path_factory.mktemp("painting") / "painting.png"
    works[2].save(path)
    return path


@pytest.fixture(scope="module")
def client(served, tmp_path_factory) -> Client:
    return Client(served, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def test_the_questions_have_names_types_and_descriptions(client):
    info = client.view_api(return_format="dict")["named_endpoints"]
    assert {name: [p["parameter_name"] for p in about["parameters"]] for name, about in info.items()} == QUESTIONS
    for name, about in info.items():
        assert len(about["description"]) > 40 and len(about["returns"]) == 1
        assert [p["parameter_has_default"] for p in about["parameters"][1:]] == [True] * len(about["parameters"][1:])
        assert all(p["python_type"]["type"] for p in about["parameters"]), name


def test_a_picture_is_classified(client, painting):
    answer = client.predict(picture=handle_file(painting), api_name="/classify")
    assert set(answer["tasks"]) == set(answer["sentences"]) == {"style", "genre", "artist"}
    assert all(0 <= found["score"] <= 1 for classes in answer["tasks"].values() for found in classes)
    assert isinstance(answer["doubts"], str)


def test_pages_of_a_search_are_the_search(client, painting):
    whole = client.predict(handle_file(painting), 6, api_name="/similar")
    assert [hit["rank"] for hit in whole["hits"]] == [1, 2, 3, 4, 5, 6] and whole["next"] is None
    assert whole["hits"][0]["id"] == "synthetic/00002"
    pages, offset = [], 0
    while offset is not None:
        page = client.predict(handle_file(painting), k=4, offset=offset, api_name="/similar")
        pages, offset = [*pages, page["hits"]], page["next"]
    assert [len(page) for page in pages] == [4, 2] and sum(pages, []) == whole["hits"]
    assert client.predict(handle_file(painting), 3, "year > 3000", api_name="/similar") == {"hits": [], "next": None}


def test_a_work_has_its_rights_its_link_and_its_picture(client):
    work = client.predict("synthetic/00000", api_name="/work")
    assert work["record"]["title"] == HOSTILE and work["caption"].startswith(HOSTILE)
    assert work["rights"]["open"] is True and work["rights"]["license"] == "CC0-1.0" and work["link"] == ""
    with urllib.request.urlopen(work["thumbnail"]) as thumbnail:
        assert max(Image.open(io.BytesIO(thumbnail.read())).size) == 256


def test_filters_that_facets_name_find_as_many_works_as_they_count(client, painting):
    facets = client.predict(api_name="/facets")
    assert facets["works"] == 6 and facets["fields"]["license"] == {"CC0-1.0": 6}
    for field, values in facets["fields"].items():
        for value, count in values.items():
            found = client.predict(handle_file(painting), 6, f"{field} == {value!r}", api_name="/similar")
            assert len(found["hits"]) == count


def test_a_contact_sheet_shows_the_works(client, works, painting):
    with Image.open(client.predict(ids=["synthetic/00004", "synthetic/00001"], api_name="/contact_sheet")) as sheet:
        sheet.load()
    assert sheet.size == (2 * 200 + 3 * 12, 200 + 2 * 12 + 48)
    for place, work in enumerate((4, 1)):
        shown = sheet.crop((12 + 212 * place, 12, 212 + 212 * place, 212)).resize((8, 8))
        small = Image.new("RGB", (200, 200), "white")
        picture = works[work].copy()
        picture.thumbnail((200, 200))
        small.paste(picture, ((200 - picture.width) // 2, 200 - picture.height))
        difference = [abs(a - b) for a, b in zip(shown.tobytes(), small.resize((8, 8)).tobytes(), strict=True)]
        assert sum(difference) / len(difference) < 8
    with Image.open(client.predict(handle_file(painting), 4, api_name="/contact_sheet")) as sheet:
        assert sheet.width == 4 * 212 + 12


BAD = [
    ("/classify", {"picture": ""}, "Choose a picture first."),
    ("/similar", {"k": 0}, "How many has to be a number from 1 to 24."),
    ("/similar", {"offset": -1}, "offset has to be a number from 0 to 1000."),
    ("/similar", {"where": "yaer > 3"}, "Did you mean 'year'"),
    ("/similar", {"where": "x" * 501}, "The filter is longer than 500 characters."),
    ("/work", {"id": "gone"}, "the index holds no 'gone'."),
    ("/contact_sheet", {"ids": ["gone"]}, "the index holds no 'gone'."),
    ("/contact_sheet", {"ids": ["a"] * 25}, "ids is a list of at most 24 works."),
    ("/contact_sheet", {"where": "year > 3000"}, "No work passes this filter."),
]


@pytest.mark.parametrize(("name", "given", "reason"), BAD)
def test_a_failure_comes_with_its_reason(client, painting, name, given, reason):
    asked_of = {"picture": handle_file(painting)} if "picture" in QUESTIONS[name] and "ids" not in given else {}
    with pytest.raises(AppError) as failed:
        client.predict(**asked_of | given, api_name=name)
    assert reason in str(failed.value)


@pytest.mark.parametrize("name", ["classify", "similar", "contact_sheet"])
def test_no_file_of_the_machine_and_no_private_address_is_opened(served, secret, asked, name):  # noqa: F811
    address, requests = asked
    rest = {"classify": [], "similar": [6, "", 0], "contact_sheet": [6, "", None]}[name]

    def said(picture: object) -> str:
        event, answer = ask(served, name, [picture, *rest])
        assert event == "error"
        return answer["error"]

    for place in (secret, secret.with_name("gone.png"), "/etc/passwd", "\0", "x" * 5000, [str(secret)], 7):
        given = place if isinstance(place, list | int) else str(place)
        assert said(given) == NO_UPLOAD, place
    for place in (f"{address}/a.png", address.replace("127.0.0.1", "localhost"), "http://169.254.169.254/latest"):
        assert said(place) == programs.PRIVATE
        assert said({"path": place, **META}) == NO_UPLOAD
    for place in (f"file://{secret}", "ftp://127.0.0.1/a"):
        assert "is no address of http or https" in said(place)
    assert said("http://" + "x" * 2000) == "An address has at most 2000 characters."
    assert said("data:image/png;base64,%%") == programs.NOT_BASE64
    assert requests == []


def test_an_address_and_a_data_address_are_pictures(served, works, asked, monkeypatch):  # noqa: F811
    """The one fetcher is asked, which is let to this machine for the test."""
    data = encoded(works[3])
    monkeypatch.setattr(programs, "fetch_picture", lambda address: {"http://museum.example/a": data}[address])
    for place in ("http://museum.example/a", f"data:image/png;base64,{base64.b64encode(data).decode()}"):
        event, answer = ask(served, "similar", [place, 1, "", 0])
        assert event == "complete" and answer[0]["hits"][0]["id"] == "synthetic/00003"
    address, requests = asked
    monkeypatch.setattr(programs, "fetch_picture", lambda address: fetch_picture(address, allow_private_hosts=True))
    assert "the server answered 404" in ask(served, "similar", [f"{address}/a.png", 1, "", 0])[1]["error"]
    assert requests == ["/a.png"]
    monkeypatch.setattr(programs, "fetch_picture", lambda address: bytes(20_000_001))
    assert ask(served, "classify", ["http://museum.example/a"])[1]["error"] == "A picture has at most 20 MB."


def test_nested_values_of_records_are_kept_back():
    """gradio takes an object of such a form for a file of its own, and serves it."""
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    assert programs._plain({"title": "a", "year": 3, "x": file, "y": [file], "z": None}) == {
        "title": "a",
        "year": 3,
        "z": None,
    }


def test_others_see_what_the_page_is_where_its_address_is_shared(served):
    with urllib.request.urlopen(urllib.request.Request(f"{served}/", headers={"X-Forwarded-Proto": "https"})) as page:
        head = page.read().decode().split("</head>")[0]
    tags = dict(re.findall(r'<meta\s+property="og:(\w+)"\s+content="([^"]*)"', head))
    root = served.replace("http:", "https:")
    assert len(re.findall("og:title", head)) == 1 and tags["url"] == f"{root}/"
    assert tags["title"].startswith("artextract") and tags["description"].startswith("Style, genre and artist")
    assert tags["image"].startswith(root)
    with urllib.request.urlopen(tags["image"].replace("https:", "http:")) as preview:
        assert Image.open(io.BytesIO(preview.read())).size == (3 * 212 + 12, 2 * 212 + 12)


@pytest.fixture(scope="module")
def tools(served) -> str:
    """Where the page's tools are, for those who speak MCP."""
    pytest.importorskip("mcp")
    return f"{served}/gradio_api/mcp/"


def rpc(tools: str, method: str, **params: object) -> dict:
    """What MCP's server says to one question, without a client that would check it first."""
    status, answer = send(tools, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
    assert status == 200
    return json.loads(answer.split(b"data: ", 1)[1].split(b"\r\n")[0])


def send(tools: str, body: object, method: str = "POST", **headers: str) -> tuple[int, bytes]:
    place = urlsplit(tools)
    line = http.client.HTTPConnection(place.netloc, timeout=30)
    accepted = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    with suppress(BrokenPipeError):  # a body that is refused before its end
        line.request(method, f"{place.path}?{place.query}", body, accepted | headers)
    with closing(line), line.getresponse() as answer:
        return answer.status, answer.read()


def call(tools: str, name: str, arguments: object) -> tuple[bool, str]:
    result = rpc(tools, "tools/call", name=name, arguments=arguments)["result"]
    return result["isError"], result["content"][0]["text"]


def test_an_assistant_pages_through_a_search_by_mcp(tools, works):
    from mcp.client.session import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    picture = f"data:image/png;base64,{base64.b64encode(encoded(works[3])).decode()}"

    async def visit() -> None:
        async with streamable_http_client(tools) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            listed = (await session.list_tools()).tools
            assert {f"/{tool.name}": list(tool.inputSchema["properties"]) for tool in listed} == QUESTIONS
            for tool in listed:
                assert len(tool.description) > 40
                assert all(
                    p["description"] and p["type"] for n, p in tool.inputSchema["properties"].items() if n != "ids"
                )

            async def answer(name: str, **arguments: object) -> list:
                result = await session.call_tool(name, arguments)
                assert not result.isError, result.content
                return result.content

            facets = json.loads((await answer("facets"))[0].text)
            genre = next(iter(facets["fields"]["genre"]))
            found = json.loads((await answer("similar", picture=picture, k=4, where=f"genre == {genre!r}"))[0].text)
            assert len(found["hits"]) == min(4, facets["fields"]["genre"][genre])
            first = json.loads((await answer("similar", picture=picture, k=4))[0].text)
            second = json.loads((await answer("similar", picture=picture, k=4, offset=first["next"]))[0].text)
            ids = [hit["id"] for hit in first["hits"] + second["hits"]]
            assert ids[0] == "synthetic/00003" and len(set(ids)) == 6 and second["next"] is None
            work = json.loads((await answer("work", id=ids[0]))[0].text)
            assert work["record"]["year"] is None and work["thumbnail"].startswith(tools.split("/gradio_api")[0])
            sheet, _ = await answer("contact_sheet", ids=ids[:3])
            assert sheet.mimeType == "image/jpeg"
            assert Image.open(io.BytesIO(base64.b64decode(sheet.data))).width == 3 * 212 + 12
            assert json.loads((await answer("classify", picture=picture))[0].text)["tasks"]

    asyncio.run(visit())


def test_mcp_opens_nothing_that_the_page_does_not(tools, secret, asked, tmp_path, monkeypatch):  # noqa: F811
    """Its client inside the server would upload a file that an argument names."""
    address, requests = asked
    file = {"path": str(secret), **META}
    for given in (file, [file], {"path": f"{address}/a.png", **META}):
        for name, arguments in (
            ("classify", {"picture": given}),
            ("similar", {"picture": "x", "where": given}),
            ("contact_sheet", {"ids": [given]}),
            ("work", {"id": given}),
        ):
            failed, said = call(tools, name, arguments)
            assert failed and said.startswith("Input validation error")
        failed, said = call(f"{tools}?tools=work", "classify", {"picture": given})  # a tool that is not listed
        assert failed and ("not in the selected tools" in said or said.startswith("Input validation error"))
    assert "error" in rpc(tools, "prompts/get", name="contact_sheet", arguments={"picture": file})
    assert "error" in rpc(tools, "resources/read", uri=f"file://{secret}")
    assert call(tools, "classify", {"picture": str(secret)}) == (True, NO_UPLOAD)
    assert call(tools, "classify", {"picture": f"{address}/a.png"}) == (True, programs.PRIVATE)
    assert requests == []


def test_mcp_is_closed_but_for_its_questions(tools, caplog):
    assert send(tools, b"x" * 300_000)[0] == 413
    assert send(tools, iter([b"x" * 100_000] * 4))[0] == 413
    for method in ("GET", "DELETE", "PUT"):  # the first would be a stream that stays open
        assert send(tools, b"", method)[0] == 405
    for path in ("sse", "messages/", "http", "http/", "x"):
        assert send(f"{tools}{path}", b"{}") == (404, b"no such page")
    for body in (b"", b"{", b"[]", b"7", b'{"jsonrpc": "2.0"}', b"\xff", b"[" * 100_000):
        assert 400 <= send(tools, body)[0] < 500
    assert call(tools, "answers", {}) == (True, "Unknown tool for this Gradio app: answers")  # the page's own
    assert "Traceback" not in caplog.text


def test_what_mcp_cannot_answer_comes_with_its_reason(tools):
    for name, given, reason in BAD:
        if name != "/similar" and "ids" not in given:
            continue
        data = base64.b64encode(encoded(plain_picture((9, 9, 9)))).decode()
        picture = {} if "ids" in given else {"picture": f"data:image/png;base64,{data}"}
        failed, said = call(tools, name[1:], picture | given)
        assert failed and reason in said
