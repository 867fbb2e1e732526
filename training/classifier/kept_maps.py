"""The frozen phase from features computed once: while the backbone stands still, its maps do not change.

Each of a few views of every painting goes through the backbone once; the epochs of the frozen phase then read the maps
from a file that is mapped into memory, and train what follows the backbone on them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from artextract_hf.models import CrnnModel
from artextract_hf.outputs import reserve_space
from training.classifier.config import TrainConfig
from training.loop import TrainingViews, normalise


class KeptMaps(torch.utils.data.Dataset):
    """Maps (C, h, w) of some views of every painting, (views, N, C, h, w) float16 in a file, and one label a task."""

    def __init__(self, maps: np.ndarray, labels: dict[str, np.ndarray]) -> None:
        self.maps, self.labels = maps, labels
        self.epoch = 0

    def __len__(self) -> int:
        return self.maps.shape[1]

    def __getitem__(self, index: int) -> dict[str, Any]:
        kept = torch.from_numpy(self.maps[self.epoch % len(self.maps), index].astype(np.float32))
        return {"maps": kept, **{task: labels[index] for task, labels in self.labels.items()}}


@torch.no_grad()
def keep_maps(
    crnn: CrnnModel, paintings: TrainingViews, file: Path, *, config: TrainConfig, accelerator: Accelerator
) -> KeptMaps:
    """Send `kept_views` views of every painting through the backbone once and keep its maps in `file`.

    Args:
        crnn: its `features` are kept; it is run in evaluation mode.
        paintings: the training views; view v is that of epoch v.
        file: where the maps go; 64 KB a view for MobileNetV2 at 160 px. Processes of one machine share it.
        config: how many views of each painting are kept, and how they are loaded.
        accelerator: every process does its share of the paintings.
    """
    crnn.eval()
    one = normalise(paintings[0]["pixels"].to(accelerator.device)[None])
    shape = (config.kept_views, len(paintings), *crnn.features(one).shape[1:])
    if accelerator.is_main_process:
        np.lib.format.open_memmap(file, mode="w+", dtype=np.float16, shape=shape).flush()
        reserve_space(file)
    accelerator.wait_for_everyone()
    maps = np.lib.format.open_memmap(file, mode="r+")
    mine = list(range(accelerator.process_index, len(paintings), accelerator.num_processes))
    for view in range(config.kept_views):
        paintings.epoch, done = view, 0
        loader = DataLoader(Subset(paintings, mine), config.batch_size, num_workers=config.workers)
        for batch in tqdm(loader, desc=f"backbone maps, view {view + 1} of {config.kept_views}", disable=None):
            with accelerator.autocast():
                found = crnn.features(normalise(batch["pixels"].to(accelerator.device)))
            maps[view, mine[done : done + len(found)]] = found.float().cpu().numpy()
            done += len(found)
    maps.flush()
    accelerator.wait_for_everyone()
    return KeptMaps(maps, paintings.labels)
