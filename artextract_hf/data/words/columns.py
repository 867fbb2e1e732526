"""What the columns of a table are called, in the languages of museums, and which of them tell of rights."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from artextract_hf.data.labels import TASKS
from artextract_hf.data.schema import painting_features
from artextract_hf.errors import DataError

Columns = Mapping[str, tuple[str, ...]]  # field of a record -> the columns that it is read from

# What a date is called, from which both of its years are read.
_DATES = (
    "date", "year", "displaydate", "datierung", "jahr", "entstehungsjahr", "entstehungszeit", "datum", "datation",
    "date_de_création", "année", "datazione", "anno", "data", "datación", "fecha", "año", "cronología",
    "datering", "jaar",
)  # fmt: skip
# Column names as museums and `datasets` spell them, as `column_key` has them, in English, German, French, Italian,
# Spanish and Dutch; of several that are present, the first with a value counts. Of rights each counts, also under
# further names: a row is open where all that it states is.
COLUMNS: Columns = {
    "image": (
        "file_name", "path", "image", "filename", "img", "image_file", "image_name", "photo", "datei", "dateiname",
        "bild", "bilddatei", "bildname", "abbildung", "foto", "fichier", "nom_du_fichier", "nom_de_fichier",
        "fichier_image", "immagine", "file", "nome_file", "nome_del_file", "file_immagine", "imagen", "archivo",
        "nombre_de_archivo", "nombre_del_archivo", "fichero", "archivo_de_imagen", "bestand", "bestandsnaam",
        "afbeelding",
    ),
    "image_url": (
        "image_url", "imageurl", "primary_image", "primaryimage", "bild_url", "bildadresse", "url_image",
        "url_de_l'image", "url_immagine", "url_dell'immagine", "url_imagen", "url_de_la_imagen", "afbeelding_url",
    ),
    "id": (
        "accession_number", "accession_no", "inventory_number", "inventory_no", "inventarnummer", "inventarnr",
        "inventar_nr", "inv_nr", "invnr", "inv_no", "inventarnumer", "numéro_d'inventaire", "numero_d'inventaire",
        "n°_d'inventaire", "no_d'inventaire", "n°_inventaire", "inventaire", "numero_di_inventario",
        "numero_inventario", "n_inventario", "n_inv", "inventario", "número_de_inventario", "no_de_inventario",
        "no_inventario", "inventarisnummer",
    ),
    "title": (
        "title", "titel", "bildtitel", "werktitel", "objekttitel", "titre", "titolo", "título", "titulo",
        "object_id",
    ),
    "artist_name": (
        "artist_name", "artist", "attribution", "painter", "creator", "maker", "künstler", "kuenstler",
        "künstlerin", "künstler_in", "künstlername", "maler", "urheber", "artiste", "peintre", "auteur", "artista",
        "pittore", "autore", "pintor", "autor", "kunstenaar", "vervaardiger", "schilder",
    ),
    "year": (*_DATES, "year_start", "beginyear", "jahr_von", "datierung_von"),
    "year_end": ("year_end", "endyear", "jahr_bis", "datierung_bis", *_DATES),
    "license": (
        "license", "licence", "rights", "license_url", "rights_statement", "rightsstatement",
        "rights_and_reproduction", "copyright", "copyright_notice",
    ),
    "source_url": ("source_url", "iiif_url", "url", "permalink", "link", "lien", "collegamento", "enlace"),
    "credit_line": (
        "credit_line", "creditline", "credit", "bildnachweis", "mention_de_crédit", "crédit", "crediti", "créditos",
        "línea_de_crédito",
    ),
    "medium": (
        "medium", "technik", "material_technik", "material_und_technik", "material", "technique",
        "matière_et_technique", "matériaux_et_techniques", "tecnica", "materia_e_tecnica", "técnica",
        "materia_y_técnica", "materiaal", "techniek",
    ),
    "wikidata_id": ("wikidata_id", "wikidataid", "wikidata"),
    "alt_text": (
        "alt_text", "assistivetext", "alternativtext", "texte_alternatif", "testo_alternativo", "texto_alternativo",
    ),
    "style": ("style", "stil", "stile", "estilo", "stijl"),
    "genre": ("genre", "bildgattung", "genere", "género"),
    "split": ("split",),
}  # fmt: skip
# Further columns that state rights, by a part of their name, also as `dcterms:accessRights` and `Nutzungsrechte`; who
# holds them is a claim, and what else tells of them is no statement.
_RIGHTS = re.compile(
    r"rights|licen[cs]|copyright|restrict|permission|terms_?(of_?)?use|usage|use_and_repro|^reproduction|embargo|commercial_?use"
    r"|rechte?(status|angaben?|hinweise?|vermerk|lage)?($|[^a-z])|rechts?(status|lage)|rechteinhaber|lizenz|nutzung|urheberrecht|auteursrecht|droits|d.utilisation|derechos|licencia|diritti|licenza"
    r"|licentie|rechten|direitos|licença|права|лицензи|権利|ライセンス|著作権|版权|版權|저작권|권리|conditions?_?(of_?)?use"
    r"|(^|_)(prawa?|práva|prava|jogok|oikeudet|drepturi|drets)($|[^a-z])|rättighet|rettighe[td]|haklar|δικαιώματα|זכויות|حقوق"
)
_HOLDER = re.compile(r"holder|owner|inhaber|titular")
_ASIDE = re.compile(r"credit|note|contact|year|date")
# Texts in which a claim of copyright counts.
CREDITS = re.compile(
    r"credit|cr[eé]dit|nachweis|courtesy|attribution|source|note|caption|description|summary|remark|photographer|legal|^terms$"
)
OPEN_FLAG = re.compile(
    r"(dc(terms)?:)?(is)?_?(open_?access|public_?domain)|gemeinfrei|domaine_public|(pubblico_)?dominio(_pubblico|_p[uú]blico)?"
    r"|publiek_domein"
)
_CLOSED_FLAG = re.compile(r"(is|in|under)_?copyright(ed)?|copyright(ed|_protected)")
# Columns that say whether a picture may be used, or how: what they deny counts, and what else they say is no statement.
_USE = re.compile(
    r"(is_|can_|may_|allow_|image_)?(re_?use|reusable|share|sharing|shareable|access|accessibility|download|downloadable"
    r"|commercial|publish|publishable|publication|public)(_?(status|allowed|permitted|conditions?|level))?"
    r"|terms|conditions?|weitergabe|zugang|zugänglichkeit|bedingungen|réutilisation|partage|accès|riuso|condivisione"
    r"|accesso|condizioni|reutilización|compartir|acceso|condiciones|hergebruik|delen|toegang|voorwaarden|warunki|dostęp"
    r"|условия|доступ"
)
_LIMITED = re.compile(
    r"(is_|in_)?(protected|restricted|private|confidential|geschützt|gesperrt|protégée?|protegid[oa]|protett[oa]|beschermd)"
    r"|(is_)?non_?commercial(_only|_use)?|(nicht|no|não|niet)_?(kommerziell|comercial|commercieel)"
)
_DENIAL = re.compile(
    r"\b(forbidden|prohibited|denied|disallowed|not (allowed|permitted|open|free|public)|closed"
    r"|(?<!not )(?<!un)restricted|verboten|untersagt|gesperrt|nicht (erlaubt|gestattet|frei)|eingeschränkt"
    r"|interdite?|restreinte?|non autorisée?"
    r"|vietat[oa]|proibit[oa]|proibid[oa]|prohibid[oa]|restringid[oa]|no permitid[oa]|verboden|niet toegestaan|beperkt"
    r"|zabronion[eay]|запрещен[оа]?|запрещён|ограничен[оа]?)\b|禁止|不可|금지"
)
# Letters of other alphabets that look as Latin ones do, in a name that has Latin ones too.
_LOOK_ALIKES = str.maketrans("авеёкмнорстухіјѕԁԛԝһαεικνορτυχ", "abeekmhopctyxijsdqwhaeiknoptux")
YES = ("true", "yes", "y", "t", "1", "ja", "oui", "sì", "si", "sí", "sim", "tak", "да")  # no more than a licence says
NO = ("false", "no", "n", "f", "0", "nein", "non", "nee", "não", "nie", "нет")
CHOSEN_LICENSE = "chosen license"  # field of a row: what a column says that was chosen for its rights


def columns_with(chosen: Mapping[str, str], own: Mapping[str, str] | None = None) -> Columns:
    """COLUMNS, with a chosen column in place of the usual ones for each field that is given; of rights, beside them.

    Args:
        chosen: field -> column.
        own: task of one's own -> its column, see `own_tasks`; `chosen` may name another.

    Raises:
        DataError: there is no such field.
    """
    columns = {**COLUMNS, **{task: (column,) for task, column in (own or {}).items()}}
    if unknown := [name for name in chosen if name not in (*columns, "artist")]:
        raise DataError(f"a record has no field {', '.join(unknown)}; the fields are {', '.join(columns)}.")
    chosen = {("artist_name" if name == "artist" else name): column for name, column in chosen.items()}
    taken: dict[str, tuple[str, ...]] = {name: (column_key(column),) for name, column in chosen.items()}
    if dated := taken.get("year"):  # a range ends in the column in which it begins
        taken = {"year_end": (*(c for c in COLUMNS["year_end"] if c not in _DATES), *dated)} | taken
    if stated := taken.get("license"):
        taken |= {"license": (*stated, *COLUMNS["license"]), CHOSEN_LICENSE: stated}
    return {**columns, **taken}


def own_tasks(columns: Iterable[str]) -> dict[str, str]:
    """The tasks that columns of classes stand for, with their `column_key`; those of every record left out.

    >>> own_tasks(["School", "Art movement", "style"])
    {'school': 'school', 'art_movement': 'art_movement'}

    Raises:
        DataError: a column cannot be a task.
    """
    tasks: dict[str, str] = {}
    for column in columns:
        name = re.sub(r"\W+", "_", column.strip().lower()).strip("_")
        if not re.fullmatch(r"[^\W\d]\w*", name):
            raise DataError(f"a task cannot be called {column!r}; it takes letters, digits and _, a letter first.")
        if name in ("split", *painting_features()) and name not in TASKS:
            raise DataError(
                f"{name} is a field of every record; call the task otherwise and name its column (X={name})."
            )
        if tasks.setdefault(name, column_key(column)) != column_key(column):
            raise DataError(f"two columns would be the task {name}; name one of them otherwise by --column.")
    return {name: column for name, column in tasks.items() if name not in TASKS}


def column_key(name: object) -> str:
    r"""The name of a column as it is compared.

    >>> column_key(" Credit Line"), column_key("Inv.-Nr."), column_key("Ku\u0308nstler/in"), column_key("l\u0456cense")
    ('credit_line', 'inv_nr', 'künstler_in', 'license')
    """
    seen = "".join(
        letter for letter in unicodedata.normalize("NFKC", str(name)) if unicodedata.category(letter) != "Cf"
    )
    key = re.sub(r"[\s_.\-/]+", "_", seen.strip().lower()).strip("_")
    return key.translate(_LOOK_ALIKES) if not key.isascii() and re.search("[a-z]", key) else key


def states_rights(column: str, columns: Columns) -> bool:
    """Whether a column, by its `column_key`, states rights.

    >>> [states_rights(c, COLUMNS) for c in ("dcterms:license", "usage_rights", "rights_holder", "in_copyright")]
    [True, True, False, True]
    """
    if column in columns["license"]:
        return True
    return is_flag(column) or bool(_RIGHTS.search(column) and not _HOLDER.search(column) and not _ASIDE.search(column))


def denies(column: str, text: str) -> bool:
    """Whether a column, by its `column_key`, says that a picture may not be used, or not by everybody.

    >>> denies("reuse", "forbidden"), denies("non_commercial", "true"), denies("access", "Room 3")
    (True, True, False)
    """
    said = text.strip().lower()
    if _LIMITED.fullmatch(column):
        return said in YES
    return bool(_USE.fullmatch(column) and (said in (*NO, "private", "internal") or _DENIAL.search(said)))


def names_holder(column: str) -> bool:
    """Whether a column, by its `column_key`, names who holds the rights.

    >>> [names_holder(c) for c in ("dcterms:rightsholder", "copyright_owner", "copyright_holder_contact", "owner")]
    [True, True, False, False]
    """
    return bool(_RIGHTS.search(column) and _HOLDER.search(column) and not _ASIDE.search(column))


def is_read(column: str, columns: Columns) -> bool:
    """Whether a column, by its `column_key`, means something to a record."""
    return any(column in usual for usual in columns.values()) or tells_of_rights(column, columns)


def tells_of_rights(column: str, columns: Columns) -> bool:
    """Whether a column, by its `column_key`, states rights, names their holder or may credit somebody."""
    named = names_holder(column) or CREDITS.search(column) or _USE.fullmatch(column) or _LIMITED.fullmatch(column)
    return bool(named) or states_rights(column, columns)


def columns_found(names: Iterable[str], columns: Columns) -> tuple[dict[str, list[str]], list[str]]:
    """Which columns of a table each field is read from, and which mean nothing; as they are spelt.

    >>> columns_found(["Titel", "Datierung", "Standort"], COLUMNS)
    ({'title': ['Titel'], 'year': ['Datierung']}, ['Standort'])
    """
    spelt = {column_key(name): str(name).strip() for name in names}
    found = {field: [spelt[column] for column in usual if column in spelt] for field, usual in columns.items()}
    found["license"] += [spelt[c] for c in spelt if c not in columns["license"] and states_rights(c, columns)]
    for field in ("year_end", CHOSEN_LICENSE):  # read from columns of other fields
        found[field] = [name for name in found.get(field, []) if name not in (*found["year"], *found["license"])]
    taken = {name for columns_of in found.values() for name in columns_of}
    ignored = [name for column, name in spelt.items() if name not in taken and not tells_of_rights(column, columns)]
    return {field: read for field, read in found.items() if read}, ignored


def picture_column(names: Iterable[str], columns: Columns, source: object) -> str:
    """The first column, by its `column_key`, that names the pictures, or else their addresses.

    Raises:
        DataError: there is none.
    """
    keys = [column_key(name) for name in names]
    if found := next((c for c in (*columns["image"], *columns["image_url"]) if c in keys), None):
        return found
    wanted = "file_name, path or image" if columns["image"] is COLUMNS["image"] else repr(columns["image"][0])
    raise DataError(
        f"{source} has no column {wanted}; its columns are {', '.join(keys) or 'none'}. Name that of the pictures: "
        "--column image=COLUMN."
    )


def is_flag(column: str) -> bool:
    """Whether a column says whether a picture is open, or is not."""
    return bool(OPEN_FLAG.fullmatch(column) or _CLOSED_FLAG.fullmatch(column))
