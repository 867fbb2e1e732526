"""What several test modules need: no network, a tiny WikiArt, a tiny classifier, the real paintings if present."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub is first imported
if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
    # A core a worker, with all that it starts: threads of two workers on the same cores wait for one another.
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) % len(cores)]})
os.environ.setdefault("ARTEXTRACT_RETRY_WAIT_S", "0.02")  # before artextract_hf.remote is: tests need not wait

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def shared(relative: str) -> Path:
    """A path of the shared data, or a skip with the reason."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"the development data is not here (../shared/{relative})")
    return path


def plain_picture(color: tuple[int, int, int], size: tuple[int, int] = (48, 40), *, seed: int = 0) -> Image.Image:
    """A picture of one colour with a little grain, so that no two are the same file."""
    grain = np.random.default_rng(seed).integers(-8, 9, size=(size[1], size[0], 3))
    return Image.fromarray(np.clip(np.array(color) + grain, 0, 255).astype(np.uint8))


def noise_picture() -> Image.Image:
    """A picture of noise."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


USUAL = [plain_picture((10 * n, 200 - 5 * n, 40), seed=n) for n in range(30)]  # to `open_classifier`


WIKIART_FILES = {
    # path: (colour, style, genre, artist); Impressionism is red, Baroque blue
    "Impressionism/claude-monet_poppies-1873.jpg": (200, 40, 40),
    "Impressionism/claude-monet_sunrise-1872-2.jpg": (210, 60, 50),
    "Impressionism/edgar-degas_dancers.jpg": (190, 50, 60),
    "Impressionism/arnold-bã¶cklin_island(1).jpg": (220, 50, 50),
    "Baroque/rembrandt_self-portrait-1659.jpg": (40, 40, 200),
    "Baroque/rembrandt_night-watch-1642.jpg": (50, 60, 210),
    "Baroque/frans-hals_malle-babbe.jpg": (60, 50, 190),
    "Baroque/frans-hals_laughing-1624.jpg": (40, 60, 220),
}


@pytest.fixture(scope="session")
def tiny_wikiart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures in ArtGAN's layout, with the release's flaws: a missing and a cut file, a leak, a header."""
    from artextract_hf.data.labels import RELEASE_CLASSES

    root = tmp_path_factory.mktemp("tiny_wikiart")
    for seed, (name, color) in enumerate(WIKIART_FILES.items()):
        path = root / "wikiart" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        plain_picture(color, seed=seed).save(path, quality=95)
    whole = (root / "wikiart/Baroque/rembrandt_night-watch-1642.jpg").read_bytes()
    (root / "wikiart/Baroque/rembrandt_cut.jpg").write_bytes(whole[: len(whole) // 2])
    lists = root / "wikiart_csv"
    lists.mkdir()
    files = list(WIKIART_FILES)
    train, val = [files[0], files[1], files[3], files[4], files[6]], [files[2], files[5], files[7]]
    style = {name: 12 if name.startswith("Imp") else 4 for name in files}

    def write(task_side: str, rows: list[tuple[str, int]], head: str = "", comma: str = ",") -> None:
        (lists / f"{task_side}.csv").write_text(head + "".join(f"{n}{comma}{c}\n" for n, c in rows), encoding="utf-8")

    for task, names in RELEASE_CLASSES.items():
        (lists / f"{task}_class.txt").write_text("".join(f"{n} {name}\n" for n, name in enumerate(names)))
    broken = [("Baroque/rembrandt_cut.jpg", 4), ("Baroque/rembrandt_missing.jpg", 4)]
    write("style_train", [(n, style[n]) for n in train] + broken)
    write("style_val", [(n, style[n]) for n in val])
    # files[4] leaks: train of style, val of genre
    write("genre_train", [(files[0], 4), (files[6], 6)])
    write("genre_val", [(files[4], 6), (files[5], 2)])
    write("artist_train", [(files[0], 4), (files[4], 20)], head="path,class\n\n", comma=",,")
    write("artist_val", [(files[5], 20)], head="path,class\n\n", comma=",,")
    return root


@pytest.fixture(scope="session")
def tiny_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random CRNN that knows two styles, three genres and three artists, and with a card."""
    import torch

    from artextract_hf.models import ArtImageProcessor, CrnnConfig, CrnnForImageClassification

    torch.manual_seed(0)
    config = CrnnConfig(
        backbone="mobilenetv3_small_050",
        image_size=64,
        projection_size=16,
        hidden_size=8,
        tasks={
            "style": ["Baroque", "Impressionism"],
            "genre": ["genre_painting", "landscape", "portrait"],
            "artist": ["Claude_Monet", "Frans_Hals", "Rembrandt"],
        },
    )
    folder = tmp_path_factory.mktemp("tiny_classifier")
    CrnnForImageClassification(config).save_pretrained(folder)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    (folder / "README.md").write_text("---\nmodel_name: tiny\n---\n# tiny\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def open_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a classifier to which USUAL are paintings, and noise is none; no artist is surely one it knows."""
    import torch

    from artextract_hf.evaluation.uncertainty.open_set import fit_typical
    from artextract_hf.models import ArtImageProcessor, CrnnConfig, CrnnForImageClassification

    torch.manual_seed(0)
    small = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}
    tasks = {"style": ["a", "b"], "artist": ["x", "y", "z"]}
    model = CrnnForImageClassification(CrnnConfig(**small, tasks=tasks)).eval()
    processor = ArtImageProcessor(size={"height": 64, "width": 64})
    pixels = processor(images=USUAL, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        statistics = model.crnn.statistics(pixels)
        model.typical = fit_typical(statistics.numpy())
        far = model.typical(statistics)
        sure = -model(pixels).task_logits["artist"].amax(dim=1)
    model.config.usual_distances = {
        "painting": [float(far.min()), 1.5 * float(far.max())],
        "artist": [float(sure.min()) - 2, float(sure.min()) - 1],
    }
    folder = tmp_path_factory.mktemp("open_classifier")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def demo_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of the page's own collection, empty for the first process that starts the page; the others find it."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo_cache"


@pytest.fixture(scope="session", autouse=True)
def no_flush() -> Iterator[None]:
    """Tests outlive no power cut: what is written need not be on the disk, which takes 5 ms a file."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def limited_files() -> Callable[[int], AbstractContextManager[None]]:
    """A limit on the bytes of a file, in place of a full disk: `with limited_files(1000): ...`."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator:
    """Call the command line in this process: `run_cli("classify", path)` gives (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        from artextract_hf.cli import main

        monkeypatch.setattr("sys.argv", ["artextract", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="session")
def evaluate_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Modules of `evaluate` are copied, and what they are given is kept, in folders of the tests."""
    folder = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluate.config.HF_METRICS_CACHE", folder / "metrics")
        patch.setattr("evaluate.config.HF_MODULES_CACHE", folder / "modules")
        patch.syspath_prepend(folder / "modules")
        yield
