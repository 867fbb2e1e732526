"""Damaged files behind fresh checksums: what an attacker writes who knows how an index is sealed."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from artextract_hf.digests import document_digest, file_digest

FOREIGN: tuple[Any, ...] = (None, True, -1, 0, 2**70, 1.5, 1e308, "", "x\ny", "\ud800", [], {}, [[]], ["x"], {"x": 1})


def seal(folder: Path) -> None:
    """Give an index the checksums of what it holds now."""
    about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    if isinstance(about, dict) and isinstance(about.get("sha256"), dict):
        about["sha256"] |= {p.name: file_digest(p) for p in folder.iterdir() if p.name != "index.json" and p.is_file()}
        about["sha256"]["index.json"] = document_digest({k: v for k, v in about.items() if k != "sha256"})
    (folder / "index.json").write_text(json.dumps(about), encoding="utf-8")


def mutant(name: str, whole: bytes, rng: np.random.Generator) -> bytes:
    """The bytes of a file with one damage."""
    if name.endswith(".json"):
        return mutated_document(whole, rng)
    data, place = bytearray(whole), int(rng.integers(len(whole)))
    if rng.random() < 0.5:  # headers, and the footer of Parquet
        near = int(rng.integers(min(len(whole), 600)))
        place = near if rng.random() < 0.5 else len(whole) - 1 - near
    kind = rng.integers(5)
    if kind == 0:
        data[place] ^= int(rng.integers(1, 256))
    elif kind == 1:
        data[place : place + 8] = int(rng.integers(2**63)).to_bytes(8, "little")
    elif kind == 2:
        del data[place:]
    elif kind == 3:
        data[place:place] = rng.bytes(int(rng.integers(1, 40)))
    else:
        other = int(rng.integers(len(whole)))
        data[place : place + 64] = whole[other : other + 64]
    return bytes(data)


def mutated_document(whole: bytes, rng: np.random.Generator) -> bytes:
    """JSON in which one value is another, of any type, or is gone."""
    document = json.loads(whole)
    if rng.random() < 0.03:
        return b"[" * 50_000 if rng.random() < 0.5 else json.dumps(FOREIGN[int(rng.integers(len(FOREIGN)))]).encode()
    holders = list(_holders(document))
    holder = holders[int(rng.integers(len(holders)))]
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key = keys[int(rng.integers(len(keys)))]
    if rng.random() < 0.15:
        del holder[key]
    else:
        holder[key] = FOREIGN[int(rng.integers(len(FOREIGN)))]
    return json.dumps(document).encode()


def _holders(value: Any) -> Any:
    """All objects and lists of a document that hold something; the outermost most often."""
    if isinstance(value, dict | list) and value:
        yield from [value] * 3
        for part in value.values() if isinstance(value, dict) else value[:20]:
            yield from _holders(part)
