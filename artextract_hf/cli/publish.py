"""`artextract publish`: what was made here goes to the Hub."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.cli.application import AsJson, app, show
from artextract_hf.errors import DataError

if TYPE_CHECKING:
    from artextract_hf.hub import Repository

RepoId = Annotated[str, typer.Argument(help="OWNER/NAME on the Hub.")]
Private = Annotated[bool, typer.Option("--private", help="Make a new repository private.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write the repository to --out and push nothing.")]
Out = Annotated[Path | None, typer.Option(help="With --dry-run: folder to write.")]
Restricted = Annotated[
    bool, typer.Option("--allow-restricted", help="Publish also pictures that have no open licence.")
]
Tag = Annotated[str, typer.Option(help="A version that names the commit, such as v1.0.")]
DEFAULT = "default"

publish = typer.Typer(help="Push to the Hub.", no_args_is_help=True)
app.add_typer(publish, name="publish")


@publish.command("dataset", epilog="Example: artextract publish dataset prepared OWNER/NAME")
def publish_dataset(
    path: Annotated[Path, typer.Argument(help="What `artextract prepare` wrote, or a folder of such folders.")],
    repo_id: RepoId,
    allow_restricted: Restricted = False,
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """A data set as typed Parquet, splits as configurations, with a card made from the data."""
    from artextract_hf.hub import dataset_repository

    def summary(report: dict[str, Any]) -> list[str]:
        lines = [
            f"{name}: " + ", ".join(f"{split} {rows}" for split, rows in splits.items())
            for name, splits in report["configurations"].items()
        ]
        return [*lines, f"{len(report['files'])} files, as {report['form']},"]

    repository = dataset_repository(path, repo_id, allow_restricted=allow_restricted)
    _deliver(repository, summary, dry_run=dry_run, out=out, private=private, tag=tag, as_json=as_json)


@publish.command("model", epilog="Example: artextract publish model checkpoint OWNER/NAME")
def publish_model(
    path: Annotated[Path, typer.Argument(help="A trained model: the folder `best` or `last` of a training.")],
    repo_id: RepoId,
    dataset: Annotated[str, typer.Option(help="Repository of the data that its figures were taken on.")] = "",
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """A classifier or an embedder with its card, its figures and its code."""
    from artextract_hf.hub import model_repository

    def summary(report: dict[str, Any]) -> list[str]:
        return [*report["files"], f"{report['bytes'] / 1e6:.1f} MB"]

    repository = model_repository(path, repo_id, dataset=dataset)
    _deliver(repository, summary, dry_run=dry_run, out=out, private=private, tag=tag, as_json=as_json)


@publish.command("index", epilog="Example: artextract publish index index OWNER/NAME")
def publish_index(
    path: Annotated[Path, typer.Argument(help="What `artextract index` or `artextract index-regions` wrote.")],
    repo_id: RepoId,
    allow_restricted: Restricted = False,
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """A searchable collection with its card."""
    from artextract_hf.hub import index_repository

    def summary(report: dict[str, Any]) -> list[str]:
        what = "faces" if report["kind"] == "faces" else "paintings"
        return [f"{report['count']} {what}"]

    repository = index_repository(path, repo_id, allow_restricted=allow_restricted)
    _deliver(repository, summary, dry_run=dry_run, out=out, private=private, tag=tag, as_json=as_json)


@publish.command("space", epilog="Example: artextract publish space spaces_app OWNER/NAME")
def publish_space(
    path: Annotated[str, typer.Argument(help="A folder spaces_app, or `default` for the one that is installed.")],
    repo_id: RepoId,
    model: Annotated[str, typer.Option(help="Repository of its classifier; the embedded one if not given.")] = "",
    index: Annotated[str, typer.Option(help="Repository of its collection; procedural paintings if not given.")] = "",
    embedder: Annotated[str, typer.Option(help="Repository of the index's network; the model if not given.")] = "",
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """The Gradio Space, with pinned requirements and the embedded models."""
    from artextract_hf.hub import space_repository

    page = "" if path == DEFAULT else path
    repository = space_repository(page, repo_id, model=model, index=index, embedder=embedder)
    _deliver(repository, _file_count, dry_run=dry_run, out=out, private=private, tag=tag, as_json=as_json)


@publish.command("metric", epilog="Example: artextract publish metric painting_retrieval OWNER/NAME")
def publish_metric(
    name: Annotated[str, typer.Argument(help="painting_classification, painting_retrieval or index_recall.")],
    repo_id: RepoId,
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """A metric for `evaluate.load("OWNER/NAME")`, with its page and its card."""
    from artextract_hf.hub import metric_repository

    repository = metric_repository(name, repo_id)
    _deliver(repository, _file_count, dry_run=dry_run, out=out, private=private, tag=tag, as_json=as_json)


@publish.command("release", epilog="Example: artextract publish release release.yaml --dry-run")
def publish_release(
    path: Annotated[Path, typer.Argument(help="YAML file that names the parts; see docs/publish.md.")],
    dry_run: DryRun = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Model, embedder, data set, index, Space and their collection, as one version; goes on if it was interrupted."""
    from artextract_hf import hub

    _check(dry_run, out)
    release = hub.Release.load(path)
    parts = hub.publish_release(release) if out is None else hub.plan_release(release, out)
    lines = [f"{part['kind']:<9} {part['repo_id']}  {part['state']}" for part in parts]
    show({"version": release.version, "parts": parts}, lines, as_json=as_json)


def _deliver(
    repository: "Repository",
    summary: Callable[[dict[str, Any]], list[str]],
    *,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Push a repository, or write it to a folder; then say what is in it, and where it is."""
    from artextract_hf.hub import publish_or_write

    _check(dry_run, out)
    report = publish_or_write(repository, out, **options)
    *lines, last = summary(report)
    place = f"in {out}" if out else f"at {report['url']}"
    show(report, [*lines, f"{last} {place}"], as_json=as_json, left_out=report.get("left_out", ()))


def _file_count(report: dict[str, Any]) -> list[str]:
    return [f"{len(report['files'])} files"]


def _check(dry_run: bool, out: Path | None) -> None:
    if dry_run != (out is not None):
        raise DataError("--dry-run and --out FOLDER go together.")
