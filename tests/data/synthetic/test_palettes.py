import numpy as np
import pytest

from artextract_hf.data.synthetic import PALETTES, PaintingSpec, paint


@pytest.mark.parametrize("palette", PALETTES)
def test_cut_paper_is_painted_in_its_palette(palette):
    """In the flat texture most pixels lie near the colours of the palette, or between two of them."""
    picture = np.asarray(paint(PaintingSpec("cutout", palette, "landscape", seed=1))).astype(int).reshape(-1, 3)
    colors = np.array(list(PALETTES[palette].colors.values()))

    def distance(table: np.ndarray) -> float:
        return float(np.median(np.abs(picture[:, None] - table[None]).sum(axis=2).min(axis=1)))

    others = [np.array(list(p.colors.values())) for name, p in PALETTES.items() if name != palette]
    assert distance(colors) < min(map(distance, others))
