"""The size of the coded pixels of an AVIF, which is not always the size that the file says first.

Decoders reserve memory by the coded size: a file of 4 KB that says 1000 x 1000 may hold 16,000 x 16,000.
Boxes: ISO/IEC 14496-12, 8.11.3; coded pixels: AV1 bitstream specification, 5.3 and 5.5.
"""

from collections.abc import Iterator

from artextract_hf.errors import ImageError

HEAD_BYTES = 65_536  # of an item, among which the header of its pixels stands
MAX_PLACES = 5_000  # a picture in tiles has some hundred
ITEMS, ITEM_DATA, CHUNKS, FAR_CHUNKS = b"iloc", b"idat", b"stco", b"co64"  # boxes
SEQUENCE_HEADER, BEFORE_IT = 1, (2, 5, 15)  # kinds of units: a delimiter, metadata, padding


def coded_pixels(data: bytes, name: str) -> list[int]:
    """The pixels that the parts of an AVIF are coded in: colours, transparency, tiles, small versions.

    Raises:
        ImageError: it has more parts than any picture.
    """
    reason = f"{name} is an AVIF of more than {MAX_PLACES} parts, which no picture needs."
    if any(data.count(box) > MAX_PLACES for box in (ITEMS, ITEM_DATA, CHUNKS, FAR_CHUNKS)):
        raise ImageError(reason)
    parts = []
    for number, head in enumerate(_heads(data)):
        if number == MAX_PLACES:
            raise ImageError(reason)
        parts.append(_pixels(head))
    return [pixels for pixels in parts if pixels]


def _heads(data: bytes) -> Iterator[bytes]:
    """How each item and each chunk of a film begins, and nothing for what has no place."""
    for table in _bodies(data, ITEMS):
        yield b""
        yield from _item_heads(data, table)
    for box, size in ((CHUNKS, 4), (FAR_CHUNKS, 8)):
        for table in _bodies(data, box):
            yield b""
            numbers = _Numbers(data, table + 4)
            for _ in range(numbers.next(4)):
                at = numbers.next(size)
                yield data[at : at + HEAD_BYTES]


def _item_heads(data: bytes, table: int) -> Iterator[bytes]:
    numbers = _Numbers(data, table)
    version, sizes = numbers.next(4) >> 24, numbers.next(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version == 2 else 2
    for _ in range(numbers.next(wide)):
        numbers.next(wide)
        in_box = version > 0 and numbers.next(2) & 15
        numbers.next(2)
        base = numbers.next(base_size)
        heads = {start: b"" for start in (_bodies(data, ITEM_DATA) if in_box else (0,))}
        for _ in range(numbers.next(2)):
            numbers.next(index_size if version else 0)
            offset, length = numbers.next(offset_size), numbers.next(length_size)
            yield b""
            for start, head in heads.items():
                at = start + base + offset
                heads[start] = head + data[at : at + min(length or HEAD_BYTES, HEAD_BYTES - len(head))]
        yield from heads.values()


def _bodies(data: bytes, box: bytes) -> Iterator[int]:
    """Where the bodies of boxes of a kind begin; a name without a size before it is chance."""
    at = data.find(box, 4)
    while at >= 0:
        size = int.from_bytes(data[at - 4 : at], "big")
        if size == 1:  # the size follows in eight bytes
            yield at + 12
        elif size == 0 or 8 <= size <= len(data) - at + 4:
            yield at + 4
        at = data.find(box, at + 1)


class _Numbers:
    """Numbers one after the other, of some bytes each."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def next(self, size: int) -> int:
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")


def _pixels(head: bytes) -> int:
    """Largest width times height by the sequence header among the first units; 0 where there is none."""
    at = 0
    while at + 2 < len(head):
        kind, extended, sized = head[at] >> 3 & 15, head[at] >> 2 & 1, head[at] >> 1 & 1
        at += 1 + extended
        size, shift = 0, 0
        while sized and at < len(head) and shift < 35:
            size |= (head[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if head[at - 1] < 128:
                break
        if kind == SEQUENCE_HEADER:
            return _pixels_of_sequence(_Bits(head[at : at + 128]))
        if kind not in BEFORE_IT or not sized:
            return 0
        at += size
    return 0


class _Bits:
    """Numbers one after the other, of some bits each."""

    def __init__(self, data: bytes) -> None:
        self.number, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def next(self, count: int) -> int:
        self.left -= count
        return self.number >> max(self.left, 0) & ((1 << count) - 1)


def _pixels_of_sequence(bits: _Bits) -> int:
    bits.next(4)  # profile, still picture
    if bits.next(1):  # the short header of a still picture
        bits.next(5)
    else:
        delay_bits = 0
        if bits.next(1):  # timing
            bits.next(64)
            if bits.next(1):  # equal intervals, whose length has as many bits as zeros stand before it
                zeros = 0
                while not bits.next(1) and zeros < 32 and bits.left > 0:
                    zeros += 1
                bits.next(zeros)
            if bits.next(1):  # model of the decoder
                delay_bits = bits.next(5) + 1
                bits.next(42)
        has_display_delay = bits.next(1)
        for _ in range(bits.next(5) + 1):  # operating points
            bits.next(12)
            bits.next(1 if bits.next(5) > 7 else 0)
            if delay_bits and bits.next(1):
                bits.next(2 * delay_bits + 1)
            if has_display_delay and bits.next(1):
                bits.next(4)
    width_bits, height_bits = bits.next(4) + 1, bits.next(4) + 1
    return (bits.next(width_bits) + 1) * (bits.next(height_bits) + 1)
