"""`artextract classify`: style, genre and artist of pictures."""

from typing import Annotated

import typer

from artextract_hf.cli.application import AllowPrivateHosts, AsJson, Backend, app, show


@app.command()
def classify(
    images: Annotated[list[str], typer.Argument(help="Files or addresses of pictures.")],
    model: Annotated[str, typer.Option(help="A directory, a Hub name, or `default`.")] = "default",
    top_k: Annotated[int, typer.Option(min=1, help="Classes to give for each task.")] = 5,
    backend: Backend = "torch",
    allow_private_hosts: AllowPrivateHosts = False,
    as_json: AsJson = False,
) -> None:
    """Give the style, genre and artist of pictures, the most probable first."""
    from artextract_hf.data import decode_image, display_name
    from artextract_hf.models import MICRO_BATCH, ArtAttributesPipeline, load_classifier

    network, processor = load_classifier(model, backend)
    side = 2 * network.config.image_size
    pictures = [decode_image(image, min_side=side, allow_private_hosts=allow_private_hosts) for image in images]
    attributes = ArtAttributesPipeline(model=network, image_processor=processor)
    answers = [
        {"image": image, "tasks": answer["tasks"]}
        for image, answer in zip(images, attributes(pictures, top_k=top_k, batch_size=MICRO_BATCH), strict=True)
    ]
    lines = []
    for answer in answers:
        lines.append(answer["image"])
        for task, classes in answer["tasks"].items():
            best = ", ".join(f"{display_name(c['label'])} {c['score']:.0%}" for c in classes)
            lines.append(f"  {task:<7} {best}")
    show(answers, lines, as_json=as_json)
