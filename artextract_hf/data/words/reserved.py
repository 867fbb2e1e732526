"""Words that reserve the rights in a picture, or limit what it may be used for, by language.

They claim wherever they stand; what only names a holder of copyright does not stand here, see `data/rights.py`.
"""

import re
import unicodedata
from collections.abc import Mapping

# Of each phrase a part that no other sentence has; capitals and accents do not count, see `plain`.
RESERVED: Mapping[str, tuple[str, ...]] = {
    "ar": ("الحقوق محفوظة", "حقوق محفوظة", "حقوق الطبع محفوظة", "حقوق النشر محفوظة"),
    "bg": ("права запазени", "правата запазени", "правата са запазени"),
    "ca": ("drets reservats", "prohibida la reproducció"),
    "cs": ("práva vyhrazena", "nekomerční", "chráněno autorským právem"),
    "da": ("rettigheder forbehold", "rettigheder er forbehold", "ikke-kommerciel", "ophavsretligt beskyttet"),
    "de": (
        "rechte vorbehalten", "rechte bleiben vorbehalten", "rechte sind vorbehalten", "wiedergabe verboten",
        "vervielfältigung verboten", "vervielfältigung nicht gestattet", "nutzung nur mit", "abdruck nur mit",
        "nur mit genehmigung", "nur für den privaten gebrauch", "nur zum privaten gebrauch",
        "keine kommerzielle nutzung", "nicht zur veröffentlichung", "keine weitergabe",
    ),
    "el": ("επιφύλαξη παντός", "επιφύλαξη κάθε δικαιώματος", "επιφύλαξη όλων", "δικαιώματα κατοχυρωμένα", "μη εμπορικ"),
    "es": (
        "derechos reservados", "derechos están reservados", "prohibida la reproducción", "prohibida su reproducción",
        "reproducción prohibida", "prohibido reproducir", "no comercial", "sólo para uso personal",
        "protegido por derechos de autor", "protegida por derechos de autor",
    ),
    "et": ("õigused kaitstud", "õigused on kaitstud", "õigused reserveeritud"),
    "eu": ("eskubide guztiak erreserbatu",),
    "fa": ("حقوق محفوظ است", "حقوق محفوظ می"),
    "fi": ("oikeudet pidätet", "ei-kaupalli", "ei kaupalli", "kopiointi kielletty"),
    "fr": (
        "droits réservés", "droits sont réservés", "reproduction interdite", "reproduction même partielle interdite",
        "reproduction non autorisée", "utilisation commerciale interdite", "pas d'utilisation commerciale",
        "pas d’utilisation commerciale", "usage privé uniquement", "usage strictement privé",
        "protégé par le droit d'auteur", "protégée par le droit d'auteur",
    ),
    "he": ("הזכויות שמורות", "זכויות שמורות"),
    "hi": ("सर्वाधिकार सुरक्षित",),
    "hr": ("prava pridržana", "prava su pridržana", "prava zadržana", "права задржана", "prava su zadržana"),
    "hu": ("jog fenntartva", "jogok fenntartva", "nem kereskedelmi", "szerzői jogvédelem alatt"),
    "id": ("hak cipta dilindungi", "hak cipta terpelihara"),
    "is": ("réttindi áskilin",),
    "it": (
        "diritti riservati", "diritti sono riservati", "riproduzione vietata", "vietata la riproduzione",
        "riproduzione riservata", "vietato riprodurre", "solo per uso personale", "protetto da copyright",
        "protetto dal diritto d'autore",
    ),
    "ja": (
        "無断転載", "無断複製", "無断複写", "無断使用", "無断利用", "転載禁止", "転載を禁",
        "複製を禁", "複製禁止", "禁転載", "禁無断", "著作権所有", "すべての権利", "全ての権利",
        "権利を留保", "著作権で保護", "商用利用不可", "非営利目的", "私的利用に限",
    ),
    "ko": (
        "모든 권리 보유", "모든 권리를 보유", "모든 권리는", "모든 권리가", "판권 소유", "판권소유",
        "무단 전재", "무단전재", "무단 복제", "무단복제", "무단 사용", "무단사용", "재배포 금지", "재배포금지",
        "저작권 보호", "비영리 목적", "비상업",
    ),
    "lt": ("teisės saugomos", "teisės ginamos"),
    "lv": ("tiesības aizsargātas", "tiesības paturētas"),
    "nl": (
        "rechten voorbehouden", "rechten zijn voorbehouden", "niet-commercieel", "niet commercieel",
        "alleen voor persoonlijk gebruik", "auteursrechtelijk beschermd", "reproductie verboden",
    ),
    "no": ("rettigheter forbehold", "rettigheter er forbehold", "rettigheter reservert", "ikke-kommersiell"),
    "pl": (
        "prawa zastrzeżone", "prawa są zastrzeżone", "prawa autorskie zastrzeżone", "zakaz kopiowania",
        "zakaz reprodukcji", "kopiowanie zabronione", "niekomercyjn", "chronione prawem autorskim",
    ),
    "pt": (
        "direitos reservados", "direitos estão reservados", "proibida a reprodução", "reprodução proibida",
        "não comercial", "não-comercial", "apenas para uso pessoal", "protegido por direitos de autor",
    ),
    "ro": ("drepturile rezervate", "drepturi rezervate", "drepturile sunt rezervate", "reproducerea interzisă"),
    "ru": (
        "права защищены", "права сохранены", "права зарезервированы", "права принадлежат", "права охраняются",
        "авторские права защищены", "защищено авторским правом", "охраняется авторским правом",
        "перепечатка запрещена", "воспроизведение запрещено", "копирование запрещено", "использование запрещено",
        "некоммерческ",
    ),
    "sk": ("práva vyhradené", "práva sú vyhradené", "nekomerčn"),
    "sl": ("pravice pridržane", "pravice so pridržane"),
    "sv": (
        "rättigheter förbehåll", "rättigheterna förbehåll", "rättigheter är förbehåll", "icke-kommersiell",
        "icke kommersiell", "skyddad av upphovsrätt", "upphovsrättsskyddad",
    ),
    "th": ("สงวนลิขสิทธิ์",),
    "tr": ("hakları saklıdır", "hakkı saklıdır", "haklar saklıdır", "izinsiz kullanılamaz", "ticari olmayan"),
    "uk": ("права захищені", "права застережен", "права збережен", "некомерційн"),
    "vi": ("bảo lưu mọi quyền", "giữ bản quyền"),
    "zh": (
        "版权所有", "版權所有", "保留所有权利", "保留所有權利", "保留一切权利", "保留一切權利", "保留全部权利",
        "翻印必究", "侵权必究", "侵權必究", "未经许可", "未經許可", "未经授权", "未經授權", "禁止转载", "禁止轉載",
        "不得转载", "不得轉載", "禁止复制", "禁止複製", "严禁复制", "嚴禁複製", "受版权保护", "受版權保護",
        "非商业", "非商業",
    ),
}  # fmt: skip
_USE = r"(re-?production|reproduction|copying|re-?use|use|distribution|publication|download(ing)?|sharing)"
_VERBS = r"(re-?produc|copied|re-?us|used|re-?publish|publish|shared|re-?distribut|distribut|download|exploited|sold)"
_OWN = r"(personal|private|educational|non-?profit|research|scholarly|study|editorial|internal|classroom|reference)"
# English has more ways to say it than phrases: a part of each, by which it is found fast -> how it goes on.
_ENGLISH = {
    part: re.compile(pattern)
    for part, pattern in {
        "reserved": r"rights? (are |is )?(strictly |fully |hereby )?reserved",
        "rights": r"all rights res\b|rights[ -]managed",
        "copyright": r"\bcopyrighted\b|\bprotected by copyright",
        "not be ": rf"\b(may|must|shall|should) not be {_VERBS}",
        "no part": r"\bno part of [\w ]{1,40} (may|can) be",
        "not ": r"\bnot (for|to be) (re-?produc|cop(y|ied)|re-?us|(re-?)?publi|(re-?)?distrib|commercial|download)"
        rf"|\b{_USE}( is| are)?( strictly)? not (permitted|allowed|authori[sz]ed)",
        "no ": r"\bno (commercial use|commercial re|unauthori[sz]ed)"
        r"|\bno (re-?productions?|copying|re-?use|re-?distribution|download(ing)?)"
        r"(?=\W*$|\W* ?(without|allowed|permitted|authori[sz]ed|or|and)\b)",
        "only": rf"\b{_OWN}(,? (and|or) \w+|, \w+)* (use|study|purposes?|research)\W+only\b"
        rf"|\b(only|solely|exclusively) for {_OWN}|\bfor {_OWN} only",
        "prohibited": rf"\b{_USE}( is| are)?( strictly)? prohibited",
        "forbidden": rf"\b{_USE}( is| are)?( strictly)? forbidden",
        "restricted": rf"\b{_USE}( is| are)?( strictly)? restricted",
        "permission": r"\bpermissions? (is |are )?(required|needed)|\b(prior|written)( written)? permission",
        "consent": r"\b(prior|written)( written)? consent",
    }.items()
}
_SOCIETIES = re.compile(  # they claim it for artists
    r"\b(adagp|vg bild-?kunst|artists rights society|ars,? (ny|new york|n\.y)|dacs|pictoright|sabam|vegap|siae"
    r"|prolitteris|copydan)\b"
)
_NONE_NEEDED = re.compile(  # as CC0 has it
    r"\b(no|without)( (any|asking|for|requesting|further|prior|written|special|additional|explicit))*"
    r" (permissions?|consent)( (is|are))?( required| needed)?"
)


def plain(text: str) -> str:
    r"""A text in small letters without accents, in one form of letters, its words parted by one space.

    >>> plain("T\u00dcM  haklar\u0131"), plain("\uff21ll Rights")
    ('tum haklari', 'all rights')
    """
    if text.isascii():
        return " ".join(text.lower().split())
    letters = unicodedata.normalize("NFKD", text).casefold().replace("\u0131", "i")
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


_PHRASES = tuple(dict.fromkeys(plain(phrase) for phrases in RESERVED.values() for phrase in phrases))


def reserves_rights(text: str) -> bool:
    """Whether a text, in small letters, reserves rights or limits what a picture may be used for.

    >>> reserves_rights("все права защищены"), reserves_rights("no commercial use"), reserves_rights("gift of ann")
    (True, True, False)
    """
    words = plain(text)
    return (
        any(phrase in words for phrase in _PHRASES)
        or bool(_SOCIETIES.search(words))
        or any(part in words and pattern.search(_NONE_NEEDED.sub(" ", words)) for part, pattern in _ENGLISH.items())
    )
