"""What the tests of museums share: the server, in place of theirs."""

import pytest

from tests.data.sources.museums.museum_server import PATHS, MuseumServer


@pytest.fixture
def server(monkeypatch):
    server = MuseumServer().start()
    for name, path in PATHS.items():
        monkeypatch.setenv(f"ARTEXTRACT_{name.upper()}_URL", f"{server.url}/{path}/")
    yield server
    server.stop()


@pytest.fixture(params=PATHS)
def museum(request):
    return request.param
