import json
import os
import subprocess
import sys


def test_demo_check_answers_over_http(demo_cache):
    environment = os.environ | {"XDG_CACHE_HOME": str(demo_cache), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "artextract_hf.cli", "demo", "--check", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    assert answers["url"].startswith("http://127.0.0.1")
    assert set(answers["classification"]) == {"style", "genre", "artist"}
    assert len(answers["neighbours"]) == 5
    assert all(hit["record"]["credit_line"] for hit in answers["neighbours"])
