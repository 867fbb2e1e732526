from collections.abc import Iterator

import pytest

from tests.hub.loopback_hub import LoopbackHub


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    """A Hub of its own for a test."""
    hub = LoopbackHub().start()
    yield hub
    hub.stop()
