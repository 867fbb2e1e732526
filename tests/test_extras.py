import re
import sys
import tomllib

import pytest

from artextract_hf.errors import ArtExtractError
from artextract_hf.extras import require
from tests.conftest import ROOT


def test_what_is_installed_is_imported():
    assert require("json", extra="none") is sys.modules["json"]
    assert require("xml.dom", extra="none").__name__ == "xml.dom"


def test_what_is_missing_is_one_line_that_names_the_extra(tmp_path, monkeypatch):
    """In a checkout its folder is installed; BUNDLED is there in a wheel only."""
    for bundled, advice in (("none", f"--editable '{ROOT}[database]'"), (".", "'artextract-hf[database]'")):
        monkeypatch.setattr("artextract_hf.extras.BUNDLED", tmp_path / bundled)
        with pytest.raises(ArtExtractError) as caught:
            require("no_such_package.part", extra="database")
        assert str(caught.value) == f"no_such_package.part is not installed; pip install {advice}."


def test_a_package_that_lacks_something_itself_says_so(tmp_path, monkeypatch):
    (tmp_path / "half_a_package.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        require("half_a_package", extra="database")


def test_the_message_is_written_once_and_every_extra_exists():
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    named = set()
    for folder in ("artextract_hf", "spaces_app", "training"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            named |= set(re.findall(r'require\(.*extra="(\w+)"\)', text))
            assert path.name == "extras.py" or not re.search(r"(missing|not installed); pip install", text), path
    assert named and named <= extras
