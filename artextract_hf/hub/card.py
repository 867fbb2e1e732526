"""Cards: every figure comes from the evaluation's JSON or from the data, none is typed by hand.

metrics.json + config.json + model_cards/classifier.md --> README.md and results.png beside the weights;
                                                           an embedder's likewise
statistics of the splits + model_cards/dataset.md      --> README.md beside the Parquet files
description of an index + model_cards/index.md         --> README.md beside its files
repositories that it shows + model_cards/space.md      --> README.md of the Space; spaces_app/README.md
what a metric says of itself + model_cards/metric.md   --> README.md of its Space
"""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import (
    DatasetCard,
    DatasetCardData,
    EvalResult,
    ModelCard,
    ModelCardData,
    RepoCard,
    hf_hub_url,
)

from artextract_hf.data.sources.collection import is_hub_name
from artextract_hf.embedded import CLASSIFIER, DEFAULT, EMBEDDED, NAMESPACE
from artextract_hf.evaluation.plots import draw_results
from artextract_hf.folders import top_folder

TEMPLATES = "model_cards"
METRICS = {
    "accuracy": "Accuracy",
    "top5": "Top-5 accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
}
PICTURE = "results.png"
DEFAULT_CLASSIFIER = f"{NAMESPACE}/{CLASSIFIER}"  # the bundled one
RETRIEVAL_METRICS = {"p@1": "Precision at 1", "p@10": "Precision at 10", "map": "Mean average precision"}


def classifier_card(
    report: Mapping[str, Any], *, config: Mapping[str, Any], tasks: Mapping[str, list[str]], name: str, note: str = ""
) -> ModelCard:
    """The card of a classifier.

    Args:
        report: what `artextract evaluate classifier` wrote as metrics.json.
        config: the training configuration; with `learnt_from`, what `provenance` gives.
        tasks: class names by task.
        name: the repository's name.
        note: a sentence on how the weights differ from those that were scored, where they do.
    """
    learnt, base = config["learnt_from"], _public_name(config.get("start_from", ""))
    dataset_type, dataset_name = _scored_on(learnt)
    data = ModelCardData(
        license="mit",
        library_name="transformers",
        pipeline_tag="image-classification",
        base_model=base or None,
        tags=["art", "paintings", *(["wikiart"] if learnt["origin"] == "wikiart" else []), "crnn", "artextract-hf"],
        datasets=[learnt["name"]] if learnt["origin"] == "hub" else None,
        model_name=name,
        eval_results=[
            EvalResult(
                task_type="image-classification",
                dataset_type=dataset_type,
                dataset_name=f"{dataset_name}, {task}",
                dataset_config=task,  # results of the same type, configuration and split are merged into one entry
                dataset_split=str(report["split"]),
                metric_type=metric,
                metric_name=f"{METRICS[metric]} ({task})",
                metric_value=round(scores[metric], 4),
            )
            for task, scores in report["tasks"].items()
            for metric in METRICS
            if scores[metric] is not None and (metric != "top5" or len(tasks[task]) > 5)  # else it is always right
        ],
    )
    facts = {"report": report, "config": config, "learnt": learnt, "base": base, "name": name, "note": note}
    body = _render("classifier.md", tasks=tasks, **facts)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n{body}")


def embedder_card(
    report: Mapping[str, Any], *, config: Mapping[str, Any], backbone: str, name: str, note: str = ""
) -> ModelCard:
    """The card of an embedder.

    Args:
        report: what `artextract evaluate embedder` wrote as metrics.json.
        config: the training configuration; with `learnt_from`, what `provenance` gives.
        backbone: timm architecture.
        name: the repository's name.
        note: a sentence on what the figures leave open, where there is something.
    """
    learnt = config["learnt_from"]
    dataset_type, dataset_name = _scored_on(learnt)
    data = ModelCardData(
        license="mit",
        library_name="transformers",
        pipeline_tag="image-feature-extraction",
        datasets=[learnt["name"]] if learnt["origin"] == "hub" else None,
        tags=["art", "paintings", "byol", "similarity", "artextract-hf"],
        model_name=name,
        eval_results=[
            EvalResult(
                task_type="image-feature-extraction",
                dataset_type=dataset_type,
                dataset_name=f"{dataset_name}, {label}",
                dataset_config=label,
                metric_type=metric,
                metric_name=f"{RETRIEVAL_METRICS[metric]} ({label})",
                metric_value=scores[metric],
            )
            for label, scores in report["labels"].items()
            for metric in RETRIEVAL_METRICS
        ],
    )
    facts = {"report": report, "config": config, "learnt": learnt, "backbone": backbone, "name": name, "note": note}
    body = _render("embedder.md", **facts)
    return ModelCard(f"---\n{data.to_yaml()}\n---\n{body}")


def save_model_card(card: ModelCard, report: Mapping[str, Any], folder: Path) -> None:
    """Write the card of a classifier or an embedder into its folder, and the picture of its figures.

    Args:
        card: what `classifier_card` or `embedder_card` gave.
        report: what it was made from.
        folder: of the model.
    """
    if "tasks" in report:
        competitors = {"this model": report["tasks"]} | {
            name.replace("_", " "): baseline["tasks"]
            for name, baseline in report["baselines"].items()
            if baseline.get("tasks")
        }
        groups = {
            task: {name: scores[task]["accuracy"] for name, scores in competitors.items() if task in scores}
            for task, scores in report["tasks"].items()
            if scores["accuracy"] is not None
        }
        draw_results(groups, "Top-1 accuracy", folder / PICTURE)
    else:
        groups = {
            label: {"this embedder": scores["p@10"], "chance": scores["chance"]}
            for label, scores in report["labels"].items()
        }
        draw_results(groups, "Answers with the query's label among the first 10", folder / PICTURE)
    card.save(folder / "README.md")


def readdress(card: Path, repo_id: str) -> None:
    """Give a model's card the name and the thumbnail of the repository that it goes to."""
    text = card.read_text(encoding="utf-8")
    if name := ModelCard(text).data.get("model_name"):
        for place in ("# {}\n", '"{}"', "model_name: {}\n", "- name: {}\n"):
            text = text.replace(place.format(name), place.format(repo_id))
    moved = ModelCard(text)
    moved.data["thumbnail"] = hf_hub_url(repo_id, PICTURE)
    moved.save(card)


def dataset_card(facts: Mapping[str, Any], *, metadata: Mapping[str, Any]) -> DatasetCard:
    """The card of a data set.

    Args:
        facts: what `hub/dataset_repo.py` found in the data; the names the template `model_cards/dataset.md` uses.
        metadata: `configs` and `dataset_info` of the front matter, and the licence.
    """
    data = DatasetCardData(
        task_categories=["image-classification"],
        tags=["art", "paintings", "artextract-hf"],
        pretty_name=str(facts["repo_id"]).rpartition("/")[2],
        size_categories=[_size_category(facts["total"])],
        **metadata,
    )
    return DatasetCard(f"---\n{data.to_yaml()}\n---\n{_render('dataset.md', **facts)}")


def index_card(about: Mapping[str, Any], *, rights: Mapping[str, int], restricted: bool, repo_id: str) -> DatasetCard:
    """The card of an index.

    Args:
        about: what `hub/index_repo.py` reports of it; the names that the template `model_cards/index.md` uses.
        rights: works by licence.
        restricted: whether some of these licences are not open.
        repo_id: the repository's name.
    """
    data = DatasetCardData(
        task_categories=["image-feature-extraction"],
        tags=["art", "paintings", "faiss", "artextract-hf"],
        pretty_name=repo_id.rpartition("/")[2],
        size_categories=[_size_category(about["count"])],
        configs=[{"config_name": "default", "data_files": "records.parquet"}],
    )
    body = _render("index.md", about=about, rights=rights, restricted=restricted, repo_id=repo_id)
    return DatasetCard(f"---\n{data.to_yaml()}\n---\n{body}")


def space_card(app_file: str, *, model: str = "", index: str = "", embedder: str = "") -> RepoCard:
    """The card of the Space, whose front matter says how it is started.

    Args:
        app_file: the page, in the Space's repository.
        model: the repository of the classifier; the embedded one's without.
        index: the repository of the collection, if there is one.
        embedder: the repository of the network that the index was built with, if it is another.
    """
    models = [model or DEFAULT_CLASSIFIER, *([embedder] if embedder else [])]
    facts = {"models": models, "index": index, "gradio": version("gradio")}
    return RepoCard(_render("space.md", app_file=app_file, **facts))


def metric_card(metric: Any, figures: Mapping[str, Any], *, repo_id: str, gradio: str) -> RepoCard:
    """The card of a metric, by which the Hub lists it and its page starts.

    Args:
        metric: a module of `evaluate`, with an `example`.
        figures: of the example.
        repo_id: the repository's name.
        gradio: the version that its page is served with.
    """
    facts = {"metric": metric, "figures": figures, "repo_id": repo_id, "gradio": gradio}
    return RepoCard(_render("metric.md", title=repo_id.rpartition("/")[2], **facts))


def _public_name(start: str) -> str:
    """The repository of the model that a training went on from; "" where there was none, or it is a folder."""
    if start in EMBEDDED:
        return DEFAULT_CLASSIFIER if start == DEFAULT else start
    return start if is_hub_name(start) else ""


def _scored_on(learnt: Mapping[str, Any]) -> tuple[str, str]:
    """The data that a model was scored on, for the Hub's tables and for people: a part of what it learnt from."""
    return {
        "wikiart": ("wikiart", "WikiArt subset"),
        "nga": ("nga", "National Gallery of Art"),
        "hub": (learnt["name"], learnt["name"]),
        "iiif": ("iiif", "a IIIF source"),
        "museum": ("museum", learnt["name"]),
        "own": ("own", "a collection of one's own"),
    }[learnt["origin"]]


def _render(template: str, **facts: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(top_folder(TEMPLATES)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_as_words,
    )
    environment.filters["percent"] = lambda value: "n/a" if value is None else f"{100 * value:.1f}"
    environment.filters["in_words"] = in_words
    return environment.get_template(template).render(**facts)


def _as_words(value: Any) -> Any:
    r"""A text of the data as words and no markup, on one line: a licence or a class may be called anything.

    >>> _as_words("CC0 [here](https://example.org)\n| 1 |")
    'CC0 &#91;here&#93;(https://example.org) &#124; 1 &#124;'
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):  # `safe` in a template
        return value
    return re.sub(
        r"[&<>\[\]|*`]", lambda sign: f"&#{ord(sign[0])};", re.sub(r"\s*[\n\r\x0b\f\x85\u2028\u2029]\s*", " ", value)
    )


def in_words(names: Sequence[str]) -> str:
    """A list as it is spoken.

    >>> in_words(["style", "genre", "artist"])
    'style, genre and artist'
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _size_category(rows: int) -> str:
    """The Hub's name of a size, such as `10K<n<100K`."""
    if rows < 1000:
        return "n<1K"
    names = ["1K", "10K", "100K", "1M", "10M", "100M"]
    power = min(len(str(rows)) - 4, len(names) - 2)
    return f"{names[power]}<n<{names[power + 1]}"
