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


@pytest.fixture
def small_pages(monkeypatch):
    """Interfaces that give ten works a page, so that few works are several pages."""
    for name in PATHS:
        monkeypatch.setattr(f"artextract_hf.data.sources.museums.{name}.PAGE_SIZE", 10)
