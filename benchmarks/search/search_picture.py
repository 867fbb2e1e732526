"""A picture of searches: each query and its five nearest, side by side, with the time it took.

python -m benchmarks.search.search_picture INDEX search.jpg QUERY [QUERY ...]
"""

import argparse
import json
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from artextract_hf.data.decode import decode_image
from artextract_hf.retrieval.index import PaintingIndex

NEIGHBOURS, SIDE, CAPTION, GAP = 5, 150, 30, 8  # pixels


def main() -> None:
    """Search, draw, print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("queries", nargs="+", type=Path)
    args = parser.parse_args()
    index = PaintingIndex.from_pretrained(args.index)
    index.search(args.queries[0])  # loads the weights
    width, height = (NEIGHBOURS + 1) * (SIDE + GAP) + 2 * GAP, len(args.queries) * (SIDE + CAPTION + GAP) + GAP
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    seconds = []
    for row, query in enumerate(args.queries):
        start = time.perf_counter()
        hits = index.search(query, k=NEIGHBOURS)
        seconds.append(time.perf_counter() - start)
        cells = [(decode_image(query), "query", "")]
        cells += [
            (index.thumbnail(h.id), h.record["artist_name"], f"{h.score:.2f}  {h.record['style'] or ''}") for h in hits
        ]
        for column, (picture, *lines) in enumerate(cells):
            left, top = GAP + column * (SIDE + GAP) + (GAP if column else 0), GAP + row * (SIDE + CAPTION + GAP)
            small = ImageOps.contain(picture, (SIDE, SIDE))
            sheet.paste(small, (left + (SIDE - small.width) // 2, top + SIDE - small.height))
            for line, text in enumerate(lines):
                draw.text((left + 2, top + SIDE + 2 + 13 * line), text.replace("_", " ")[:26], fill="black")
    sheet.save(args.out, quality=82)
    print(json.dumps({"paintings": len(index), "dim": index.dim, "seconds": [round(s, 3) for s in seconds]}))


if __name__ == "__main__":
    main()
