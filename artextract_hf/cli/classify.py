"""`artextract classify`: style, genre and artist of pictures."""

import json
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, Backend, app


@app.command()
def classify(
    images: Annotated[list[str], typer.Argument(help="Files or addresses of pictures.")],
    model: Annotated[str, typer.Option(help="A directory, a Hub name, or `default`.")] = "default",
    top_k: Annotated[int, typer.Option(min=1, help="Classes to give for each task.")] = 5,
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Give the style, genre and artist of pictures, the most probable first."""
    from artextract_hf.data.decode import decode_image
    from artextract_hf.data.labels import display_name
    from artextract_hf.models import ArtAttributesPipeline, load_classifier
    from artextract_hf.models.inference.pieces import PIECE

    network, processor = load_classifier(model, backend)
    pictures = [decode_image(image, min_side=2 * network.config.image_size) for image in images]
    attributes = ArtAttributesPipeline(model=network, image_processor=processor)
    answers = [
        {"image": image, "tasks": answer["tasks"]}
        for image, answer in zip(images, attributes(pictures, top_k=top_k, batch_size=PIECE), strict=True)
    ]
    if as_json:
        typer.echo(json.dumps(answers, ensure_ascii=False))
        return
    for answer in answers:
        typer.echo(answer["image"])
        for task in answer["tasks"]:
            best = ", ".join(f"{display_name(c['label'])} {c['score']:.0%}" for c in answer["tasks"][task])
            typer.echo(f"  {task:<7} {best}")
