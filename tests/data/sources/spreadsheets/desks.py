"""One museum's list as the desks of four countries export it, with the same works in each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openpyxl import Workbook

from tests.data.sources.iiif_server import jpeg

DATES = ("1642", "um 1885", "1870-75", "vor 1900", "17. Jh.", "o. J.")  # of a German desk, in turn
YEARS = ((1642, 1642), (1885, 1885), (1870, 1875), (None, 1900), (1600, 1699), (None, None))


@dataclass(frozen=True)
class Desk:
    """A desk: the names of its columns, its words, and how it writes a file."""

    name: str
    columns: tuple[str, ...]
    dates: tuple[str, ...]
    rights: tuple[str, str]  # open, and not open
    write: Callable[[Path, list[list[str]]], Path]


def _text(separator: str, encoding: str, ending: str) -> Callable[[Path, list[list[str]]], Path]:
    def write(folder: Path, rows: list[list[str]]) -> Path:
        path = folder / f"export{ending}"
        path.write_bytes("".join(f"{separator.join(row)}\r\n" for row in rows).encode(encoding))
        return path

    return write


def _excel(folder: Path, rows: list[list[str]]) -> Path:
    book = Workbook()
    book.active.append(["Inventario del museo, 2026"])
    for row in rows:
        book.active.append([int(cell) if cell.isdecimal() else cell for cell in row])
    book.create_sheet("Note").append(["nessuna"])
    path = folder / "export.xlsx"
    book.save(path)
    return path


DESKS = (
    Desk(
        "German",
        ("Inv.-Nr.", "Titel", "Künstler/in", "Datierung", "Technik", "Rechtestatus", "Bilddatei", "Standort"),
        DATES,
        ("gemeinfrei", "urheberrechtlich geschützt"),
        _text(";", "cp1252", ".csv"),
    ),
    Desk(
        "French",
        ("N° d'inventaire", "Titre", "Artiste", "Datation", "Technique", "Droits", "Fichier", "Salle"),
        ("1642", "vers 1885", "1870-75", "avant 1900", "XVIIe siècle", "s. d."),
        ("domaine public", "tous droits réservés"),
        _text("\t", "utf-16", ".tsv"),
    ),
    Desk(
        "Italian",
        ("N. inv.", "Titolo", "Autore", "Datazione", "Tecnica", "Diritti", "Immagine", "Sala"),
        ("1642", "ca. 1885", "1870-75", "ante 1900", "sec. XVII", "s.d."),
        ("pubblico dominio", "diritti riservati"),
        _excel,
    ),
    Desk(
        "Spanish",
        ("Nº de inventario", "Título", "Autor", "Datación", "Técnica", "Derechos", "Imagen", "Sala"),
        ("1642", "ca. 1885", "1870-75", "antes de 1900", "siglo XVII", "s.d."),
        ("dominio público", "derechos reservados"),
        _text(";", "latin-1", ".csv"),
    ),
)


def export(desk: Desk, folder: Path, works: int = 300) -> Path:
    """Write pictures and the list of a desk. Every third work is not open; its artists are two."""
    (folder / "img").mkdir(parents=True)
    rows = [list(desk.columns)]
    for number in range(works):
        (folder / f"img/{number}.jpg").write_bytes(jpeg(str(number)))
        rows.append(
            [
                f"GM {1000 + number}",
                f"Straße nº {number}, été",
                ("Claude Monet (1840-1926)", "Käthe Ñandú")[number % 2],
                desk.dates[number % len(desk.dates)],
                "Öl auf Leinwand",
                desk.rights[number % 3 == 2],
                f"img\\{number}.jpg",
                "12",
            ]
        )
    return desk.write(folder, rows)
