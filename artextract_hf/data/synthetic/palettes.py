"""Named sets of colours. A scene is drawn in roles (sky, water, skin, ...), and a palette has one colour for each."""

from dataclasses import dataclass

ROLES = (
    "sky", "haze", "sun", "cloud", "far", "mid", "near", "water", "wall",
    "roof", "leaf", "skin", "hair", "cloth", "accent", "dark", "paper",
)  # fmt: skip

_TABLE = {
    # name: (the sun's colour in words, one colour for each role, in hexadecimal RGB)
    "sunlit": ("golden", "6fa3d0 f3e3c2 ffd75e fff6e6 8fa9c9 9db76b 6e9a4b 5c9db8 f0ddbb "
                         "c9684a 4e7f46 f0c6a0 8a5a33 5676b5 e8743b 2f3a4f fbf3e0"),
    "nocturne": ("pale", "0f1f47 3c5e8e f6e7a8 5b78a6 24365f 1f4a56 163540 1d4572 5a6c8c "
                         "33405f 14393a c9b7a6 1b1a2b 6c4f86 f2b84b 0a1024 d8dee9"),
    "fauve": ("red", "2fa6a0 ffc857 e4312b ffe9b8 7b4fa3 e86a92 3fa34d 2765c4 ff9f45 "
                     "d7263d 0b8457 ffb48a 5b2a86 e4312b f9dc3b 1b1b3a fff3d6"),
    "earth": ("dull", "7c8a83 d9c08b f0d28a cdbb94 8a8463 7a6a3a 4f4524 6a756a b89563 "
                      "7a3b22 3c3b1e ddae7c 3a2314 7b2a1e c9862e 1e140c e8d6ae"),
    "rose": ("soft", "a9cbe3 f9dcd6 ffe9a8 fff4f0 b9b4da bfd3a4 9dbb8f 9cc9cf f6e6d8 "
                     "d99a9e 7fa588 f8d5c2 b98a5e e59aae e07a8b 5a4a66 fff7f0"),
    "woodblock": ("vermilion", "2b5c8a f0e2c4 d9442f f7eeda 7e9aa8 a9ad7d 5f7f66 2f6690 e6d3ac "
                               "3a4a5a 3d5b45 f2d7b6 1f1f24 274472 d9442f 1a2530 f4e8cf"),
    "autumn": ("orange", "8fa7b3 f5d9a8 f28c28 fbeacb 9c7a8a d89a3a a65e2e 6d8a96 e9cfa2 "
                         "8c2f1b c7522a efbf97 4a2a1a 5e4b6b e0a526 2b1a14 faecd0"),
}  # fmt: skip


@dataclass(frozen=True)
class Palette:
    """A named set of colours.

    Args:
        name: its key in PALETTES.
        sun_name: the colour of its sun in words.
        colors: role -> RGB, 0 to 255.
    """

    name: str
    sun_name: str
    colors: dict[str, tuple[int, int, int]]


def _parse_palette(name: str, sun_name: str, table: str) -> Palette:
    colors = [tuple(bytes.fromhex(code)) for code in table.split()]
    return Palette(name, sun_name, dict(zip(ROLES, colors, strict=True)))  # type: ignore[arg-type]


PALETTES = {name: _parse_palette(name, *row) for name, row in _TABLE.items()}
