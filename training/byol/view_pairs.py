"""What BYOL learns from: two views of each painting."""

import numpy as np
import torch
from datasets import Dataset

from artextract_hf.data import ByolView, decode_image, encoded_pictures, picture_source


class ViewPairs(torch.utils.data.Dataset):
    """Two views of each painting, uint8 (size, size, 3), a function of (seed, epoch, painting)."""

    def __init__(self, paintings: Dataset, views: tuple[ByolView, ByolView], *, seed: int) -> None:
        self.paintings = paintings
        self.pictures = encoded_pictures(paintings.select_columns("image"))
        self.views, self.seed = views, seed
        self.epoch, self.size = 0, 0

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        picture = np.asarray(decode_image(picture_source(self.pictures[index]["image"]), min_side=2 * self.size))
        rng = np.random.default_rng((self.seed, self.epoch, index))
        first, second = (view(picture, self.size, rng) for view in self.views)
        return first, second
