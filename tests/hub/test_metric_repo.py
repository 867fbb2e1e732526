"""A metric as it is pushed: `evaluate` loads it where this package is not installed, and its page answers."""

import json
import os
import re
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import evaluate
import pytest
from huggingface_hub import RepoCard

from artextract_hf.errors import DataError
from artextract_hf.evaluation import METRIC_NAMES
from artextract_hf.hub.metric_repo import METRICS, metric_repository
from tests.conftest import ROOT

NAME, REPO = "painting_classification", "somebody/art_scores"


def figures(name: str, folder: Path) -> dict:
    """Of a metric's example, by the package."""
    return METRICS[name](keep_in_memory=True, cache_dir=str(folder)).compute(**METRICS[name].example)


def as_json(given: dict) -> dict:
    return json.loads(json.dumps(given))


def test_pushed_and_loaded_from_the_hub_and_from_folders_by_a_stranger(hub, stranger, tmp_path):
    command = [sys.executable, "-m", "artextract_hf.cli", "publish", "metric", NAME, REPO, "--json"]
    environment = os.environ | hub.environment(tmp_path / "home")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    space = hub.repo(REPO, "spaces")
    assert len(space.commits) == 2
    assert set(json.loads(done.stdout)["files"]) == space.files.keys() - {".gitattributes"}
    front = RepoCard(space.files["README.md"].decode()).data
    assert front.tags == ["evaluate", "metric"] and front.sdk == "gradio" and front.app_file in space.files
    sources = {REPO: METRICS[NAME]}
    for name in METRIC_NAMES[1:]:
        metric_repository(name, f"somebody/{name}").write(tmp_path / name)
        sources[str(tmp_path / name)] = METRICS[name]
    code = """
    import json, sys
    import evaluate
    given = json.load(sys.stdin)
    print(json.dumps({path: evaluate.load(path).compute(**example) for path, example in given.items()}))
    """
    stranger_environment = {k: v for k, v in environment.items() if k != "PYTHONPATH"} | {
        "HF_UPDATE_DOWNLOAD_COUNTS": "0"
    }
    loaded = subprocess.run(
        [stranger, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        env=stranger_environment,
        input=json.dumps({path: metric.example for path, metric in sources.items()}),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    expected = {path: figures(name, tmp_path / "cache") for path, name in zip(sources, METRIC_NAMES, strict=True)}
    assert json.loads(loaded.stdout) == as_json(expected)


def test_its_page_answers(stranger, tmp_path):
    folder = tmp_path / "space"
    metric_repository(NAME, REPO).write(folder)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"HF_HOME": str(tmp_path / "home"), "GRADIO_ANALYTICS_ENABLED": "False"}
    options = {"cwd": folder, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([stranger, "-u", "app.py"], **options) as process:
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if match := re.search(r"Running on local URL:\s+(http://\S+)", line):
                    break
            else:
                pytest.fail("".join(lines)[-2000:])
            call = f"{match[1].rstrip('/')}/gradio_api/call/figures"
            asked = json.dumps({"data": [json.dumps(METRICS[NAME].example)]}).encode()
            request = urllib.request.Request(call, asked, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                event = json.load(answer)["event_id"]
            with urllib.request.urlopen(f"{call}/{event}", timeout=60) as answer:
                kind, data = answer.read().decode().strip().splitlines()[-2:]
            assert kind == "event: complete"
            assert json.loads(data.removeprefix("data: ")) == [as_json(figures(NAME, tmp_path / "cache"))]
        finally:
            process.kill()


def test_the_card_is_made_from_what_the_module_says(tmp_path):
    for name, metric in METRICS.items():
        metric_repository(name, f"somebody/{name}").write(tmp_path / name)
        card = RepoCard.load(tmp_path / name / "README.md")
        example = re.search(r"```python\n(.*?)```", card.text, re.DOTALL)[1]
        loaded = metric(keep_in_memory=True, cache_dir=str(tmp_path))
        names = {"evaluate": SimpleNamespace(load={f"somebody/{name}": loaded}.get)}
        exec(example.replace("import evaluate", "").replace("metric.compute", "found = metric.compute"), names)
        shown = eval(re.search(r"gives\n\n```python\n(.*?)```", card.text, re.DOTALL)[1])
        assert shown == {key: round(value, 4) if value is not None else None for key, value in names["found"].items()}
        assert metric.__doc__ and card.data.description.split()[:3] == card.text.split()[2:5]


@pytest.mark.parametrize("repo", ["somebody/v1.0", "somebody/errors", "somebody/app", "somebody/classification"])
def test_names_that_evaluate_could_not_load_are_refused(repo, run_cli, tmp_path):
    code, _, err = run_cli("publish", "metric", NAME, repo, "--dry-run", "--out", tmp_path / "space")
    assert code == 2 and "evaluate cannot load a metric called" in err and len(err.splitlines()) == 1
    assert not (tmp_path / "space").exists()


def test_a_metric_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="there is no metric 'accuracy'"):
        metric_repository("accuracy", REPO)
    assert issubclass(METRICS[NAME], evaluate.Metric)
