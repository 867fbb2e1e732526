"""The Space under a crowd: visitors at once, each answer checked; memory and temporary files of the page.

    python -m benchmarks.speed.visitors --minutes 10 > benchmarks/results/visitors.json

Each visitor uploads a painting of its own and asks at random: classify, similar, similar with a filter, a wrong filter,
a file that is no picture, a path of the machine, and a question that it leaves. What is answered is compared with what
the page said when it was alone. Ends with status 1 where an answer is wrong, or an error is another than "busy".
"""

import argparse
import collections
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from artextract_hf.data import synthetic_paintings

VISITORS = 16
BUSY = 503
SAMPLE_S = 10.0
META = {"meta": {"_type": "gradio.FileData"}}
FILTER = "genre == 'landscape' and year >= 1500"


class Page:
    """The questions that a visitor asks a page, over HTTP."""

    def __init__(self, url: str) -> None:
        self.api = f"{url}/gradio_api"

    def upload(self, content: bytes) -> dict[str, Any]:
        """The file as the page names it."""
        head = b'--limit\r\nContent-Disposition: form-data; name="files"; filename="painting.png"\r\n\r\n'
        (path,) = json.loads(
            self._send("upload", head + content + b"\r\n--limit--\r\n", "multipart/form-data; boundary=limit")
        )
        return {"path": path, **META}

    def start(self, name: str, *data: Any) -> str:
        """Join the line; gives the address of the answer."""
        answer = self._send(f"call/{name}", json.dumps({"data": data}).encode(), "application/json")
        return f"{self.api}/call/{name}/{json.loads(answer)['event_id']}"

    def ask(self, name: str, *data: Any) -> tuple[str, Any]:
        """`complete` or `error`, and what is answered, without the addresses of pictures, which differ each time."""
        with urllib.request.urlopen(self.start(name, *data), timeout=300) as stream:
            *_, event, said = [line for line in stream.read().decode().splitlines() if line]
        answer = json.loads(said.removeprefix("data: "))
        kind = event.removeprefix("event: ")
        if kind == "complete":
            del answer[3 if name == "classify" else 0]  # the overlay, the gallery
        return kind, answer

    def _send(self, route: str, body: bytes, kind: str) -> bytes:
        request = urllib.request.Request(f"{self.api}/{route}", body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.read()


class Crowd:
    """Visitors, and the tally of what they were answered."""

    def __init__(self, page: Page, paintings: list[bytes]) -> None:
        self.page, self.paintings = page, paintings
        self.seconds: dict[str, list[float]] = collections.defaultdict(list)
        self.busy = self.left = 0
        self.wrong: list[str] = []
        self.lock = threading.Lock()
        self.known: dict[tuple[int, str], Any] = {}
        for place in range(len(paintings)):
            for name, question in self.questions().items():
                self.known[place, name] = question(paintings[place])

    def questions(self) -> dict[str, Callable[[bytes], Any]]:
        """Each kind of question of a painting."""
        page = self.page
        return {
            "classify": lambda content: page.ask("classify", page.upload(content)),
            "similar": lambda content: page.ask("similar", page.upload(content), 5, ""),
            "filtered": lambda content: page.ask("similar", page.upload(content), 7, FILTER),
            "wrong filter": lambda content: page.ask("similar", page.upload(content), 5, "yaer > 1900"),
            "no picture": lambda content: page.ask("classify", page.upload(content[:400])),
            "foreign path": lambda _: page.ask("classify", {"path": "/etc/hostname"}),
        }

    def visit(self, place: int, end: float) -> None:
        """Ask until the time is over."""
        draw, questions = random.Random(place), self.questions()
        while time.monotonic() < end:
            name = draw.choice(list(questions))
            started = time.monotonic()
            try:
                if draw.random() < 0.05:
                    self._leave(self.paintings[place])
                    continue
                answer = questions[name](self.paintings[place])
            except urllib.error.HTTPError as error:
                self._count_error(f"{name}: {error}", busy=error.code == BUSY)
                time.sleep(draw.random())
                continue
            except (OSError, ValueError) as error:
                self._count_error(f"{name}: {error}", busy=False)
                continue
            with self.lock:
                self.seconds[name].append(time.monotonic() - started)
                if answer != self.known[place, name]:
                    self.wrong.append(f"{name} of painting {place}: {answer}"[:300])

    def _leave(self, content: bytes) -> None:
        """Ask, and close the connection before the answer comes."""
        urllib.request.urlopen(self.page.start("classify", self.page.upload(content)), timeout=300).close()
        with self.lock:
            self.left += 1

    def _count_error(self, text: str, *, busy: bool) -> None:
        with self.lock:
            if busy:
                self.busy += 1
            else:
                self.wrong.append(text)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="1 at least")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), args.minutes)
    print(json.dumps(report, indent=2))
    sys.exit(bool(report["wrong"]))


def measure(temporary: Path, minutes: float) -> dict[str, Any]:
    """Serve the demo in a process of its own, and let the crowd in."""
    environment = os.environ | {"TMPDIR": str(temporary), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "artextract_hf.cli", "demo"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split(" at ")[1].split()[0].rstrip("/")
        paintings = synthetic_paintings(VISITORS, seed=11).with_format(None)["image"]
        crowd = Crowd(Page(url), [_png(picture) for picture in paintings])
        end = time.monotonic() + 60 * minutes
        visitors = [threading.Thread(target=crowd.visit, args=(place, end)) for place in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        samples = []
        while any(visitor.is_alive() for visitor in visitors):
            samples.append((_megabytes(server.pid), _folder_megabytes(temporary)))
            time.sleep(SAMPLE_S)
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
    seconds = sorted(s for found in crowd.seconds.values() for s in found)
    quarter = len(samples) / 4
    quarters = [samples[round(i * quarter) : round((i + 1) * quarter)] for i in range(4)]
    return {
        "visitors": VISITORS,
        "minutes": minutes,
        "cores": os.cpu_count(),
        "answers": {name: len(found) for name, found in crowd.seconds.items()},
        "seconds": {"median": round(statistics.median(seconds), 2), "longest": round(seconds[-1], 2)},
        "busy": crowd.busy,
        "left": crowd.left,
        "wrong": crowd.wrong,
        "memory_mb": [round(memory) for memory, _ in samples],
        "memory_mb_by_quarter": [round(statistics.median(memory for memory, _ in part)) for part in quarters],
        "temporary_mb_at_most": round(max(disk for _, disk in samples), 1),
        "temporary_files_left": sum(path.is_file() for path in temporary.rglob("*")),
    }


def _png(picture: Any) -> bytes:
    with tempfile.SpooledTemporaryFile() as file:
        picture.save(file, "PNG")
        file.seek(0)
        return file.read()


def _megabytes(pid: int) -> float:
    """Resident memory of a process (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _folder_megabytes(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # removed meanwhile
            continue
    return total / 1e6


if __name__ == "__main__":
    main()
