"""Write the tables of the README and of `docs/` from the files of figures that they name.

    python benchmarks/tables.py

A table stands between `<!-- figures NAME: ... -->` and `<!-- end of figures -->`; NAME is a function of this file.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TASKS = ("style", "genre", "artist")
BLOCK = re.compile(r"(<!-- figures (\w+): .*? -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def summary() -> str:
    """What a newcomer asks first, with the measurement that each figure comes from."""
    report = _read("artextract_hf/pretrained/crnn-wikiart/metrics.json")
    byol, imagenet = (_read("benchmarks/results/embedders.json")["embedders"][name] for name in ("byol", "imagenet"))
    works = f"{byol['photos_of_torchvision']['works']:,}"
    scale = _read("benchmarks/results/index_scale.json")
    speed = _read("benchmarks/results/backends.json")["ways"]["batch 16"]["classify, openvino"]
    right, frozen = (
        ", ".join(_percent(tasks[task]["accuracy"]) for task in TASKS) + " %"
        for tasks in (report["tasks"], report["baselines"]["frozen_features"]["tasks"])
    )
    ours, theirs = ([f["labels"]["artist"]["p@10"], f["photos_of_torchvision"]["recall@1"]] for f in (byol, imagenet))
    artist, photo = ("{} % (ImageNet {})".format(*map(_percent, pair)) for pair in zip(ours, theirs, strict=True))
    search_cost = f"{scale['p50_ms']:.2f} ms a query, recall@10 {_percent(scale['recall@10'])} %"
    a_second = f"{speed['paintings_per_second']:.0f} ({speed['times_peer']} times transformers' pipeline)"
    rows = [
        ["top-1 accuracy, WikiArt validation split: style, genre, artist", right, "learning.best"],
        ["baseline: logistic regression on ImageNet features", frozen, "learning.best"],
        ["`byol-paintings`: precision@10, same artist", artist, "learning.embedders"],
        [f"`byol-paintings`: recall@1, degraded pictures of {works} works", photo, "learning.embedders"],
        ["ten nearest of a million synthetic vectors, two cores", search_cost, "search.index_scale"],
        ["paintings classified a second, OpenVINO, batch 16, two cores", a_second, "speed.backends"],
    ]
    table = [[what, figure, f"`benchmarks.{module}`"] for what, figure, module in rows]
    return _table(["what", "figure", "reproduce with `python -m`"], table)


def classifier() -> str:
    """The embedded classifier beside its baselines, percent."""
    report = _read("artextract_hf/pretrained/crnn-wikiart/metrics.json")
    baselines = report["baselines"]
    rows = []
    for task, scores in report["tasks"].items():
        figures = [scores[key] for key in ("accuracy", "top5", "balanced_accuracy", "macro_f1")]
        figures += [baselines[kind]["tasks"][task]["accuracy"] for kind in ("frozen_features", "majority")]
        rows.append([task, *map(_percent, figures), scores["n"]])
    head = ["task", "top-1", "top-5", "balanced accuracy", "macro F1", "frozen features", "majority", "paintings"]
    return _table(head, rows)


def splits() -> str:
    """The four splits of the whole release and what knows nothing of the pictures, percent."""
    rows = []
    for name, split in _read("benchmarks/results/wikiart_splits.json")["splits"].items():
        style, genre = split["baselines"]["style"], split["baselines"]["genre"]
        figures = [f[kind] for f in (style, genre) for kind in ("majority", "artist_oracle")]
        counts = f"{split['rows']['train']:,} / {split['rows']['val']:,}"
        rows.append([f"`{name}`", counts, *map(_percent, figures)])
    head = ["split", "train / val", "style: majority", "style: artist known", "genre: majority", "genre: artist known"]
    return _table(head, rows)


def leaks() -> str:
    """Planted duplicates that are found, percent; and pairs found without planting, as judged by eye."""
    report = _read("benchmarks/results/leak_recall.json")
    rows = [
        [kind, f["paintings"], _percent(f["recall"]), _percent(f["precision"])] for kind, f in report["planted"].items()
    ]
    real = report["unplanted"]
    found = f"{real['pairs']} pairs; {real['judged_right']} of {len(real['sample'])} sampled are the same painting"
    return (
        _table(["planted", "paintings", "found", "right"], rows)
        + f"\nAmong {real['pictures']:,} paintings as they are: {found}.\n"
    )


def backends() -> str:
    """Paintings a second from files, and as a multiple of transformers' own pipeline."""
    ways = _read("benchmarks/results/backends.json")["ways"]
    rows = []
    for name in next(iter(ways.values())):
        figures = [ways[batch][name] for batch in ways]
        rows.append([name, *(f"{f['paintings_per_second']:.0f} ({f['times_peer']:.1f})" for f in figures)])
    return _table(["paintings a second (times transformers' pipeline)", *ways], rows)


def not_paintings() -> str:
    """Pictures that are no paintings, by score: AUROC / the share that passes where 95 % of paintings do, percent."""
    figures = _read("benchmarks/results/open_set.json")["not a painting"]
    known, unseen = figures["a museum that it knows"], figures["an unseen museum"]
    rows = [[f"**{name}, fitted on the museum too**", *_told(kinds)] for name, kinds in known.items()]
    rows += [[name, *_told(kinds)] for name, kinds in unseen.items()]
    return _table(["score", *known["distance"]], rows)


def unknown_artists() -> str:
    """Works by artists without a class, by score, likewise."""
    figures = _read("benchmarks/results/open_set.json")["unknown artists"]
    val, museum = (figures[name]["scores"] for name in ("val list", "museum"))
    rows = [[name, *_told({"": val[name]}), *(_told({"": museum[name]}) if name in museum else [""])] for name in val]
    return _table(["score", "val list", "museum"], rows)


def systems() -> str:
    """The five systems and our own on one trunk with one budget: top-1 and macro F1, percent, and what they cost."""
    report = _read("benchmarks/results/systems.json")
    rows = []
    for name, system in sorted(report["systems"].items(), key=lambda pair: -_mean_accuracy(pair[1])):
        cost = [system["parameters_m"], system["images_per_second"]]
        rows.append([f"`{name}`", system["seeds"], *_scores(system["tasks"]), *cost])
    for name, tasks in report["baselines"].items():
        rows.append([name.replace("_", " "), "", *(tasks[task] for task in TASKS), "", "", ""])
    return _table(["recipe", "seeds", *TASKS, "macro F1", "million parameters", "paintings a second"], rows)


def generations() -> str:
    """What a second training gives, with and without the answers of the first: top-1 and macro F1, percent."""
    runs = _read("benchmarks/results/generations.json")["generations"]
    rows = [[name, *_scores(tasks)] for name, tasks in runs.items()]
    return _table(["trained", *TASKS, "macro F1"], rows)


def best() -> str:
    """Our best at its full length, stage by stage, over frozen features: top-1 and macro F1, percent."""
    report = _read("benchmarks/results/best.json")
    rows = [[f"`{stage}`", *_scores(tasks)] for stage, tasks in report["stages"].items()]
    rows.append(["frozen features", *(report["frozen_features"][task] for task in TASKS), ""])
    rows.append(["`calibrated` over frozen features", *(f"{report['gain'][task]:+}" for task in TASKS), ""])
    return _table(["trained", *TASKS, "macro F1"], rows)


def small_sets() -> str:
    """Classes of one's own from a few hundred works, top-1 in percent, mean and spread over the draws."""
    rows = []
    for name, found in _read("benchmarks/results/small_sets.json")["sets"].items():
        spread = [f"{found['top1'][kind]} ± {found['sd'][kind]}" for kind in ("small", "frozen_features")]
        rows.append([name, len(found["classes"]), sum(found["classes"].values()), *spread, found["top1"]["commonest"]])
    return _table(["classes", "number", "works", "`small`", "frozen features", "the commonest class"], rows)


def outliers() -> str:
    """Planted works by criterion, area under the ROC curve."""
    report = _read("benchmarks/results/audits.json")
    planted = [key for key, found in report.items() if isinstance(found, dict) and "auroc" in found]
    criteria = report[planted[0]]["auroc"]
    rows = [
        [kind, *(f"{report[kind]['auroc'][c]:.3f} ± {report[kind]['sd'][c]:.3f}" for c in criteria)] for kind in planted
    ]
    return _table(["planted", *criteria], rows)


def label_noise() -> str:
    """Exchanged labels that were found, percent."""
    columns = ("precision@100", "precision", "recall", "suggestion right")
    rows = [
        [
            task,
            found["classes"],
            found["works"],
            found["in doubt"],
            *(_percent(found[c]) for c in columns),
            found["seconds"],
        ]
        for task, found in _read("benchmarks/results/audits.json")["labels"].items()
    ]
    return _table(["labels of", "classes", "works", "in doubt", *columns, "seconds"], rows)


def dates() -> str:
    """Errors of the years that works look to be from, beside what their style or artist says."""
    report = _read("benchmarks/results/dates.json")
    names = {"style": "the mean of its style", "artist_name": "the mean of its artist", "all": "the mean of all"}
    keys = ("mean", "median", "within 25", "coverage", "median width")
    rows = [
        [kind, names.get(by, f"`{by}`"), *(found.get(key, "") for key in keys)]
        for kind in ("known artists", "new artists")
        for by, found in report[kind].items()
        if not (kind == "new artists" and by == "artist_name")
    ]
    columns = ("mean error, years", "median", "within 25 years, %", "dates in their interval, %", "its width, years")
    return _table(["works of", "year by", *columns], rows)


def prediction_sets() -> str:
    """Coverage and size of prediction sets by method, percent."""
    keys = ("coverage", "lowest_class", "highest_class", "mean_size", "single", "empty")
    rows = [
        [case, task, f"`{method}`", *(figures[key] for key in keys)]
        for case, tasks in _read("benchmarks/results/conformal.json")["cases"].items()
        for task, methods in tasks.items()
        for method, figures in methods.items()
    ]
    columns = ["coverage", "lowest of a class", "highest", "classes in a set", "sets of one", "empty sets"]
    return _table(["paintings of", "task", "method", *columns], rows)


def attribution() -> str:
    """Deletion and insertion by task and by what tells where an answer comes from."""
    tasks = _read("benchmarks/results/attribution.json")["tasks"]
    rows = []
    for method in next(iter(tasks.values())):
        areas = [
            f"{figures[method]['deletion']:.2f} / {figures[method]['insertion']:.2f}" for figures in tasks.values()
        ]
        gains = [f"{figures[method]['insertion_minus_deletion']['mean']:.2f}" for figures in tasks.values()]
        rows.append([f"`{method}`", *areas, " / ".join(gains)])
    return _table(["method", *(f"{task}: deletion / insertion" for task in tasks), "difference"], rows)


def embedders() -> str:
    """Embeddings for search, percent."""
    rows = []
    for name, figures in _read("benchmarks/results/embedders.json")["embedders"].items():
        precision = [_percent(figures["labels"][label]["p@10"]) for label in TASKS]
        photographs = [_percent(figures[kind]["recall@1"]) for kind in ("photos", "photos_of_torchvision")]
        rows.append([name.replace("_", " "), figures["dim"], *precision, *photographs])
    return _table(
        ["embedding", "dimensions", *(f"{task} P@10" for task in TASKS), "photographs", "other photographs"], rows
    )


def search() -> str:
    """What a search costs, and what its answers are worth."""
    scale, small = _read("benchmarks/results/index_scale.json"), _read("benchmarks/results/index_small.json")
    overhead, worth = (
        _read("benchmarks/results/index_overhead.json"),
        _read("benchmarks/results/similarity_calibration.json"),
    )
    huge = _read("benchmarks/results/index_huge.json")
    real, filters = small["paintings_repeated"], overhead["filters"]["ms"].values()
    points = [f"{100 * worth['labels'][label]['ece']:.1f}" for label in ("artist", "style")]
    rows = [
        ["a million vectors of length 512 (synthetic): built", f"{scale['build_s']:.0f} s"],
        ["one search among them", f"{scale['p50_ms']} ms (exact: {scale['exact_ms']:.0f} ms)"],
        ["of the ten nearest, found", f"{_percent(scale['recall@10'])} %"],
        ["memory of the index", f"{scale['index_bytes_a_vector']:.0f} bytes a vector"],
        [
            "ten million on disk (IVF-PQ, memory-mapped): one search, from a cold disk, found",
            f"{huge['p50_ms']:.0f} ms, {huge['cold_p50_ms']:.0f} ms, {_percent(huge['recall@10'])} %",
        ],
        [
            f"{real['vectors']:,} vectors of paintings (copies with noise among them), against `datasets`' index",
            f"{real['auto']['times_faster']:.0f} times as fast, {_percent(real['auto']['recall@10'])} % found",
        ],
        ["`PaintingIndex.search` against the bare FAISS call", f"{overhead['search']['ratio']} times"],
        ["a filter over a million records", f"{min(filters):.0f} to {max(filters):.0f} ms"],
        ["p(same artist) and p(same style) on unseen paintings: calibration error", " and ".join(points) + " points"],
    ]
    return _table(["measured on two cores", "figure"], rows)


def speed() -> str:
    """Each part beside its peer: how many times faster, what was asked for, and by which command."""
    files, pipeline = _read("benchmarks/results/backends.json")["ways"]["batch 16"], "transformers' pipeline"
    network = _read("benchmarks/results/embed_speed.json")["ways"]
    views = _read("benchmarks/results/byol_views.json")["side"]
    byol = _read("benchmarks/results/byol_step.json")["seconds_a_step"]
    step = _read("benchmarks/results/training_step.json")["steps"]
    small = _read("benchmarks/results/index_small.json")["clustered"]["auto"]
    million = _read("benchmarks/results/index_scale.json")
    bare = _read("benchmarks/results/index_overhead.json")
    level = " / ".join(f"{byol[s]['lightly, bfloat16'] / byol[s]['ours, bfloat16']:.2f}" for s in ("96", "224"))
    rows = [
        ["embed JPEG files, torch", pipeline, files["embed, torch"]["times_peer"], "6", "speed.backends"],
        ["the same, OpenVINO", pipeline, files["embed, openvino"]["times_peer"], "9", "speed.backends"],
        ["classify by three networks, OpenVINO", f"{pipeline}, the same networks",
         files["classify, openvino"]["times_peer"], "", "speed.backends"],
        ["embed by MobileNetV2, torch", "timm's loop", network["torch, float32"]["times_timm"], "",
         "speed.embed_speed"],
        ["the same, OpenVINO", "timm's loop", network["openvino, float32"]["times_timm"], "",
         "speed.embed_speed"],
        ["ten nearest of 50,000 vectors", "`datasets.add_faiss_index`", small["times_faster"], "10",
         "search.index_small"],
        [f"ten nearest of a million, recall {_percent(million['recall@10'])} %", "exact scan, one query",
         round(million["exact_ms"] / million["p50_ms"]), "", "search.index_scale"],
        ["`PaintingIndex.search`", "bare FAISS", round(1 / bare["search"]["ratio"], 2), "", "search.index_overhead"],
        ["a training step, frozen norms folded, bfloat16", "timm, float32",
         step["folded bfloat16"]["times_plain_float32"], "", "speed.training_step"],
        ["two views of BYOL, 96 / 224 pixels", "lightly",
         f"{views['96']['times_faster']} / {views['224']['times_faster']}", "", "speed.byol_views"],
        ["a step of BYOL in bfloat16, 96 / 224 pixels", "lightly, float32",
         f"{byol['96']['times_lightly']} / {byol['224']['times_lightly']}", "2.4", "speed.byol_step"],
        ["the same", "lightly, bfloat16", level, "", "speed.byol_step"],
    ]  # fmt: skip
    head = ["what", "peer", "times faster", "asked", "`python -m benchmarks.`"]
    return _table(head, [[*row[:4], f"`{row[4]}`"] for row in rows])


def shared_machine() -> str:
    """A classification alone and beside busy processes, by how long waiting threads spin."""
    found = _read("benchmarks/results/shared_machine.json")["spin_counts"]
    rows = []
    for spins, name in (("300000", "300,000, GNU OpenMP's default"), ("2000", "2,000, set here"), ("0", "0")):
        times = [found[where][spins] for where in ("alone", "beside busy processes")]
        rows.append([name, *(f"{time['seconds']:.2f} s, {time['cpu_seconds']:.2f} s" for time in times)])
    return _table(["`GOMP_SPINCOUNT`", "alone: wall, processor", "beside as many busy processes as cores"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "summary": summary,
    "classifier": classifier,
    "splits": splits,
    "leaks": leaks,
    "backends": backends,
    "not_paintings": not_paintings,
    "unknown_artists": unknown_artists,
    "systems": systems,
    "generations": generations,
    "best": best,
    "small_sets": small_sets,
    "outliers": outliers,
    "label_noise": label_noise,
    "dates": dates,
    "prediction_sets": prediction_sets,
    "attribution": attribution,
    "embedders": embedders,
    "search": search,
    "speed": speed,
    "shared_machine": shared_machine,
}


def pages() -> list[Path]:
    """The files in which tables stand."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def rendered(page: str) -> str:
    """The text of a page with its tables made anew."""
    return BLOCK.sub(lambda m: m[1] + TABLES[m[2]]() + m[3], page)


def _read(path: str) -> dict[str, Any]:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _told(kinds: dict[str, Any]) -> list[str]:
    """AUROC and FPR95 of each kind in one cell."""
    return [f"{_percent(found['auroc'])} / {100 * found['fpr95']:.0f}" for found in kinds.values()]


def _mean_accuracy(system: dict[str, Any]) -> float:
    return sum(system["tasks"][task]["accuracy"] for task in TASKS) / len(TASKS)


def _spread(figures: dict[str, Any], key: str) -> str:
    deviation = figures.get(f"{key}_sd")
    return f"{figures[key]}" + (f" ± {deviation}" if deviation is not None else "")


def _scores(tasks: dict[str, Any]) -> list[str]:
    """Top-1 of every task, and macro F1 of all in one cell."""
    f1 = " / ".join(_spread(tasks[task], "macro_f1") for task in TASKS)
    return [*(_spread(tasks[task], "accuracy") for task in TASKS), f1]


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


if __name__ == "__main__":
    for path in pages():
        path.write_text(rendered(path.read_text(encoding="utf-8")), encoding="utf-8")
