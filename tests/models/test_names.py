"""The project's own names, where the Hub has the repository, has it not, or cannot be reached; and any other name."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from artextract_hf import (
    ArtImageProcessor,
    AutoEmbedder,
    ByolConfig,
    ByolForPreTraining,
    ByolModel,
    CrnnConfig,
    CrnnForImageClassification,
    CrnnModel,
    load_classifier,
)
from artextract_hf.embedded import CLASSIFIER, EMBEDDER, PRETRAINED
from artextract_hf.errors import ModelError
from artextract_hf.models.names import resolve
from tests.hub.loopback_hub import LoopbackHub, Repo

CRNN, BYOL = f"artextract/{CLASSIFIER}", f"artextract/{EMBEDDER}"

# --- without a network, as these tests run --------------------------------------------------------------------------

LOADABLE = [
    (CrnnForImageClassification, CRNN),
    (CrnnForImageClassification, "default"),
    (CrnnModel, CRNN),
    (ByolModel, BYOL),
    (CrnnConfig, CRNN),
    (ByolConfig, BYOL),
    (ArtImageProcessor, CRNN),
    (ArtImageProcessor, BYOL),
    (ArtImageProcessor, "default"),
]


def content(loaded: object) -> dict:
    """What two loaded things are compared by."""
    return loaded.state_dict() if hasattr(loaded, "state_dict") else loaded.to_dict()


@pytest.mark.parametrize(("kind", "name"), LOADABLE)
def test_every_class_knows_the_projects_names(kind, name):
    folder = PRETRAINED / (EMBEDDER if name == BYOL else CLASSIFIER)
    found, expected = content(kind.from_pretrained(name)), content(kind.from_pretrained(folder))
    assert found.keys() == expected.keys()
    for key, value in found.items():
        assert torch.equal(value, expected[key]) if isinstance(value, torch.Tensor) else value == expected[key], key


def test_what_transformers_takes_beside_the_name_still_counts():
    model, info = CrnnForImageClassification.from_pretrained(
        CRNN, revision="main", dtype=torch.float16, output_loading_info=True, local_files_only=True
    )
    assert model.dtype == torch.float16 and not info["missing_keys"]
    assert CrnnConfig.from_pretrained(CRNN, dropout=0.5).dropout == 0.5
    assert CrnnForImageClassification.from_pretrained.__doc__.startswith("Load weights, all of them")


def test_the_encoder_alone_cannot_be_trained_on():
    with pytest.raises(ModelError, match=r"do not fit ByolForPreTraining.*missing keys.*read by ByolModel"):
        ByolForPreTraining.from_pretrained(BYOL)


def test_a_name_of_another_kind_of_model_is_one_line():
    for kind, name in ((ByolModel, CRNN), (ByolModel, "default"), (CrnnModel, BYOL), (CrnnConfig, BYOL)):
        with pytest.raises(ModelError, match=r"^'.*' is a model of the kind '\w+'; \w+Config reads '\w+'.$"):
            kind.from_pretrained(name)
    with pytest.raises(ModelError, match="holds no painting classifier: .* of the kind 'byol'"):
        load_classifier(BYOL)


def test_embedded_weights_are_of_no_revision():
    for load in (resolve, CrnnModel.from_pretrained, load_classifier, AutoEmbedder.from_pretrained):
        with pytest.raises(ModelError, match="no revision 'v1'"):
            load("default", revision="v1")
    with pytest.raises(ModelError, match=r"no model 'artextract/crnn-wikiart' at revision 'v1'"):
        CrnnModel.from_pretrained(CRNN, revision="v1")
    for name in ("resnet18", "palette"):
        with pytest.raises(ModelError, match="no revision 'v1'"):
            AutoEmbedder.from_pretrained(name, revision="v1")


def test_the_embedded_default_is_a_classifier_of_three_tasks():
    model, processor = load_classifier("default")
    assert {task: len(names) for task, names in model.config.tasks.items()} == {"style": 6, "genre": 10, "artist": 68}
    assert load_classifier(CRNN)[0].config.tasks == model.config.tasks
    assert processor.size["height"] == model.config.image_size


def test_unknown_models_give_one_clear_error(tmp_path):
    for name in ("nobody/nothing", "no model at all", str(tmp_path)):
        with pytest.raises(ModelError):
            load_classifier(name)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(ModelError, match="no painting classifier"):
        load_classifier(str(tmp_path))


def test_any_other_name_is_transformers_own():
    with pytest.raises(OSError, match="couldn't connect"):
        CrnnForImageClassification.from_pretrained("nobody/nothing")
    with pytest.raises(OSError, match="couldn't connect"):
        AutoModel.from_pretrained(CRNN)  # which is not ours
    with pytest.raises(ModelError, match=r"^there is no model 'nobody/nothing': .*Known names: default, artextract/"):
        load_classifier("nobody/nothing")


# --- with a Hub -----------------------------------------------------------------------------------------------------


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    hub = LoopbackHub().start()
    yield hub
    hub.stop()


BEGIN = """
import json, time
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.errors import ModelError
from artextract_hf.models import *

found = {}

def look(key, load, *arguments, **options):
    start = time.monotonic()
    try:
        loaded = load(*arguments, **options)
        loaded = loaded[0] if isinstance(loaded, tuple) else loaded
        if hasattr(loaded, "fingerprint"):
            loaded = loaded._network
        if hasattr(loaded, "named_parameters"):
            found[key] = float(next(p for n, p in loaded.named_parameters() if "summary_norm" in n).sum())
        else:
            found[key] = loaded.size["height"] if hasattr(loaded, "size") else loaded.image_size
    except (ModelError, OSError) as error:
        found[key] = f"{type(error).__name__}: {error}"
    found[key + ", seconds"] = time.monotonic() - start

models = {"model": CrnnForImageClassification, "trunk": CrnnModel, "config": CrnnConfig, "processor": ArtImageProcessor}
loaders = {key: kind.from_pretrained for key, kind in models.items()}
loaders |= {"classifier": load_classifier, "embedder": AutoEmbedder.from_pretrained}
"""
END = "print(json.dumps(found))"


def look(hub: LoopbackHub, home: Path, script: str, **environment: str) -> dict:
    """What a process finds that begins with BEGIN."""
    code = BEGIN + textwrap.dedent(script) + END
    environment = os.environ | hub.environment(home) | {"OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home.parent, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def publish(hub: LoopbackHub, name: str, model: Path, *, mark: float, tag: str, folder: Path) -> None:
    """Commit a model whose norm of the summary adds up to about `mark`, so that it is known again."""
    changed = CrnnForImageClassification.from_pretrained(model)
    with torch.no_grad():
        changed.crnn.summary_norm.weight.fill_(mark / changed.crnn.summary_size)
    changed.save_pretrained(folder)
    ArtImageProcessor.from_pretrained(model).save_pretrained(folder)
    repo = hub.repos.setdefault(("models", name), Repo("models", name))
    repo.commit({path.name: path.read_bytes() for path in folder.iterdir()})
    repo.tags[tag] = repo.head


def embedded_mark() -> float:
    return CrnnModel.from_pretrained("default").summary_norm.weight.sum().item()


EVERY = """
for key, load in loaders.items():
    look(key, load, f"{NAMESPACE}/crnn-wikiart")
look("default", load_classifier, "default")
look("nothing", load_classifier, "nobody/crnn-wikiart")
"""


@pytest.mark.parametrize(("where", "namespace"), [("a Hub that lacks it", "artextract"), ("no Hub", "somebody")])
def test_embedded_weights_stand_in_within_seconds(hub, tmp_path, where, namespace):
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9"} if where == "no Hub" else {}  # nothing listens on port 9
    found = look(hub, tmp_path / "home", EVERY, ARTEXTRACT_NAMESPACE=namespace, **environment)
    for key in ("model", "trunk", "classifier", "embedder", "default"):
        assert found[key] == pytest.approx(embedded_mark(), abs=1e-3), key
    assert found["config"] == found["processor"] == 256
    assert found["config, seconds"] < 5 and found["processor, seconds"] < 5  # of the others, loading is most
    assert bool(hub.asked) == (where != "no Hub")
    assert "\n" not in found["nothing"]
    assert f"Known names: default, {namespace}/crnn-wikiart, {namespace}/byol-paintings." in found["nothing"]


PRESENT = """
for key, load in loaders.items():
    look(key, load, "artextract/crnn-wikiart")
    look(key + " v1", load, "artextract/crnn-wikiart", revision="v1")
    look(key + " v9", load, "artextract/crnn-wikiart", revision="v9")
    look(key + " other", load, "somebody/crnn", revision="v1")
    look(key + " nothing", load, "somebody/nothing")
look("default", load_classifier, "default")
look("elsewhere", CrnnModel.from_pretrained, "artextract/crnn-wikiart", cache_dir="elsewhere")
"""


def test_the_hubs_weights_come_where_it_has_the_repository(hub, tiny_classifier, tmp_path):
    publish(hub, CRNN, tiny_classifier, mark=100.0, tag="v1", folder=tmp_path / "1")
    publish(hub, CRNN, tiny_classifier, mark=200.0, tag="v2", folder=tmp_path / "2")
    publish(hub, "somebody/crnn", tiny_classifier, mark=300.0, tag="v1", folder=tmp_path / "3")
    publish(hub, "somebody/crnn", tiny_classifier, mark=400.0, tag="v2", folder=tmp_path / "4")
    found = look(hub, tmp_path / "home", PRESENT)
    for key in ("model", "trunk", "classifier", "embedder"):
        figures = [found[key], found[f"{key} v1"], found[f"{key} other"]]
        assert figures == pytest.approx([200.0, 100.0, 300.0], abs=0.1), key
    for key in ("config", "processor"):
        assert [found[key], found[f"{key} v1"], found[f"{key} other"]] == [64, 64, 64]
    for key in ("model", "trunk", "config", "processor", "classifier", "embedder"):
        assert found[f"{key} v9"].startswith(f"ModelError: there is no model '{CRNN}' at revision 'v9'"), key
        assert "Revision Not Found" in found[f"{key} v9"] and "\n" not in found[f"{key} v9"]
        ours = key in ("classifier", "embedder")
        assert found[f"{key} nothing"].startswith("ModelError: there is no model" if ours else "OSError: "), key
    assert found["default"] == pytest.approx(embedded_mark(), abs=1e-3)
    assert found["elsewhere"] == pytest.approx(200.0, abs=0.1) and list((tmp_path / "elsewhere").glob("models--*"))
    hub.repos.clear()
    cached = look(hub, tmp_path / "home", EVERY, HF_ENDPOINT="http://127.0.0.1:9")
    assert cached["model"] == cached["classifier"] == pytest.approx(200.0, abs=0.1)  # not the embedded ones
