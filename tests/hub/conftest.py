import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
import transformers

from tests.hub.loopback_hub import LoopbackHub
from tests.hub.loopback_xet import XetStore


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    """A Hub of its own for a test."""
    hub = LoopbackHub().start()
    yield hub
    hub.stop()


@pytest.fixture
def xet_hub(tmp_path_factory) -> Iterator[LoopbackHub]:
    """The same, where large files travel by Xet, as they do on the Hub of today."""
    hub = LoopbackHub(XetStore(tmp_path_factory.mktemp("xet"))).start()
    yield hub
    hub.stop()


@pytest.fixture(scope="session")
def stranger(tmp_path_factory) -> Path:
    """The Python of an environment with transformers and timm, but without this package."""
    folder = tmp_path_factory.mktemp("stranger")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = Path(transformers.__file__).parent.parent
    # Only the packages that lie there: what is installed in development mode hangs on .pth files, which are not read.
    site = next((folder / "lib").glob("python*")) / "site-packages"
    (site / "others.pth").write_text(str(packages))
    python = folder / "bin/python"
    # Not `import artextract_hf`: development mode copies the folders beside the package to site-packages/artextract_hf.
    tried = subprocess.run([python, "-c", "import artextract_hf.version"], capture_output=True, cwd=folder)
    assert tried.returncode != 0 and b"ModuleNotFoundError" in tried.stderr
    return python
