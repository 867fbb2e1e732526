"""`artextract classify`: style, genre and artist of pictures."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from artextract_hf.cli.application import AllowPrivateHosts, AsJson, Backend, app, end_with_reasons, show
from artextract_hf.errors import ArtExtractError

if TYPE_CHECKING:
    from PIL.Image import Image


@app.command(epilog="Example: artextract classify painting.jpg --json")
def classify(
    images: Annotated[list[str], typer.Argument(help="Files or addresses of pictures.")],
    model: Annotated[str, typer.Option(help="A directory, a Hub name, or `default`.")] = "default",
    top_k: Annotated[int, typer.Option(min=1, help="Classes to give for each task.")] = 5,
    backend: Backend = "torch",
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Give the style, genre and artist of pictures, the most probable first.

    A calibrated classifier also tells which classes cannot be ruled out: for nine of ten paintings of every class, the
    right one is among them.
    A last line says where a picture does not look like a painting, or its artist may be one that the model does not
    know, if the model can tell.

    A picture that cannot be used is named with its reason, and the others are answered; the exit code is then 3, and 2
    where none could be used.
    """
    if any(_is_there(image) for image in images):
        answers, reasons = _classify(images, model, top_k, backend, allow_private_hosts=allow_private_hosts)
    else:  # said at once: libraries and a network take long to load
        answers, reasons = {}, {place: _why_not_there(image) for place, image in enumerate(images)}
    show(_document(images, answers, reasons), _lines(images, answers), as_json=as_json)
    end_with_reasons(images, reasons)


def _document(images: Sequence[str], answers: Mapping[int, Any], reasons: Mapping[int, str]) -> list[dict[str, Any]]:
    if not answers:
        return [{"image": image, "error": reasons[place]} for place, image in enumerate(images)]
    from artextract_hf.models import answer_rows  # torch is there by now

    return answer_rows(images, answers, reasons)


def _is_there(image: str) -> bool:
    """Whether there is such a file, or may be such a picture at an address."""
    try:
        return "://" in image or Path(image).is_file()
    except OSError:  # a name too long for the system
        return False


def _why_not_there(image: str) -> str:
    try:
        if Path(image).is_dir():
            return f"{image} is a folder; give the files in it, as in {image.rstrip('/')}/*.jpg."
    except OSError as error:
        return f"{image} cannot be read: {error.strerror}."
    return f"{image} does not exist or is not a file."


def _decode(
    images: Sequence[str], min_side: int | None = None, *, allow_private_hosts: bool
) -> tuple[dict[int, "Image"], dict[int, str]]:
    """The pictures by their places in `images`, and why each of the others cannot be used."""
    from artextract_hf.data import decode_image

    pictures, reasons = {}, {}
    for place, image in enumerate(images):
        try:
            pictures[place] = decode_image(image, min_side=min_side, allow_private_hosts=allow_private_hosts)
        except (ArtExtractError, OSError) as error:
            reasons[place] = str(error)
    return pictures, reasons


def _classify(
    images: Sequence[str], model: str, top_k: int, backend: str, *, allow_private_hosts: bool
) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """The answer for each picture by its place, and why each of the others cannot be used."""
    from artextract_hf.models import MICRO_BATCH, ArtAttributesPipeline, load_classifier

    network, processor = load_classifier(model, backend)
    pictures, reasons = _decode(images, 2 * network.config.image_size, allow_private_hosts=allow_private_hosts)
    attributes = ArtAttributesPipeline(model=network, image_processor=processor)
    answers = attributes(list(pictures.values()), top_k=top_k, batch_size=MICRO_BATCH) if pictures else []
    return dict(zip(pictures, answers, strict=True)), reasons


def _lines(images: Sequence[str], answers: dict[int, dict[str, Any]]) -> Iterator[str]:
    if not answers:  # what imports the words is heavy
        return
    from artextract_hf.data import display_name
    from artextract_hf.models import doubts_in_words, set_in_words

    for place, answer in answers.items():
        yield images[place]
        for task, classes in answer["tasks"].items():
            best = ", ".join(f"{display_name(c['label'])} {c['score']:.0%}" for c in classes)
            yield f"  {task:<7} {best}"
            if task in answer.get("set", {}):
                yield f"  {'':<7} not ruled out: {set_in_words(answer['set'][task])}"
        if doubts := doubts_in_words(answer):
            yield f"  {doubts}"
