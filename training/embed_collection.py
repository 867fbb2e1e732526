"""Turn a large collection into unit vectors, on all processes and GPUs that there are.

    accelerate launch training/embed_collection.py --source data/wikiart --out data/wikiart_vectors [--embedder E]

Each process embeds its share of the parts (`artextract_hf/retrieval/embedding_parts.py`); the first puts them together.
The same command again, with any number of processes, goes on where an earlier one was stopped. On several machines the
folder has to be one that all of them see. `PaintingIndex.from_embeddings` makes an index of it.
"""

import argparse
import sys
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

from accelerate import InitProcessGroupKwargs

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data import SkipList, read_collection
from artextract_hf.embedders import AutoEmbedder, NetworkEmbedder
from artextract_hf.outputs import output_lock
from artextract_hf.retrieval import PART, join_parts, plan_parts, write_parts
from training.processes import start_processes, user_errors

PATIENCE = timedelta(days=7)  # how long a process waits for the others; torch's own ten minutes end long runs


def main() -> None:
    """Parse and embed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="a collection, as `artextract embed` takes it")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--embedder", default="default", help="`default`, a directory, a Hub name, or a timm model")
    parser.add_argument("--backend", default="torch", help="torch, or openvino on processors")
    parser.add_argument("--allow-outside", action="store_true", help="take also pictures outside the source's folder")
    parser.add_argument("--allow-private-hosts", action="store_true", help="fetch also from hosts of private networks")
    parser.add_argument("--part", type=int, default=PART, help="records a part: what a killed process does again")
    with user_errors("embed_collection", resumes=True):
        embed(parser.parse_args())


def embed(args: argparse.Namespace) -> None:
    """Plan, embed this process's share, and put all shares together."""
    accelerator = start_processes(kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])
    embedder = AutoEmbedder.from_pretrained(args.embedder, args.backend)
    if args.backend == "torch" and isinstance(embedder, NetworkEmbedder):
        embedder.to(accelerator.device)
    left_out = SkipList()
    dataset = read_collection(
        args.source, left_out, allow_outside=args.allow_outside, allow_private_hosts=args.allow_private_hosts
    )
    share = {"shard": accelerator.process_index, "shards": accelerator.num_processes}
    with output_lock(args.out) if accelerator.is_main_process else nullcontext():
        if accelerator.is_main_process:
            plan_parts(dataset, embedder, args.out, part=args.part)
        accelerator.wait_for_everyone()
        write_parts(dataset, embedder, args.out, **share, progress=accelerator.is_main_process)
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            about = join_parts(args.out, left_out=left_out)
            print(f"{about['count']} vectors of length {about['dim']} in {args.out}, {len(about['skipped'])} left out")
    accelerator.end_training()


if __name__ == "__main__":
    main()
