"""Who imports whom, read from source files that are not run.

`grimp` (3.20), which import-linter builds on, reads imports anywhere in a file. It does not see `import_module("...")`,
and to it a name that a lazy package offers in its stub leads to that package, not to the file that the name is from. A
circle or a step forward can hide behind either, so both are followed here.
"""

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LOADERS = frozenset(
    {"__import__", "import_module", "resolve_name", "require"}
)  # functions that import what a string names
BY_NAME = LOADERS | {"load"}  # of lazy_loader; other things are called so too
EVERYTHING = "*"


@dataclass(frozen=True)
class Import:
    """A file imports another.

    Attributes:
        importer: module that has the import.
        written: module that it names.
        name: what it takes from that module; empty for the module itself.
        target: module in which that name is defined, as far as the stubs say; else `written`.
        line: of the import.
    """

    importer: str
    written: str
    name: str
    target: str
    line: int

    def __str__(self) -> str:
        what = f"{self.name} of {self.written}" if self.name else self.written
        return f"{self.importer}, line {self.line}: imports {what}" + (
            f", which is from {self.target}" if self.target != self.written else ""
        )


@dataclass(frozen=True)
class SourceTree:
    """The modules below a folder.

    Attributes:
        folder: holds the packages.
        packages: the names of those that are read.
    """

    folder: Path
    packages: tuple[str, ...]

    @cached_property
    def files(self) -> dict[str, Path]:
        """The source file of every module, by the module's name."""
        paths = (path for package in self.packages for path in sorted((self.folder / package).rglob("*.py")))
        return {module_of(path.relative_to(self.folder)): path for path in paths}

    @cached_property
    def lazy_names(self) -> dict[str, dict[str, str]]:
        """The names that a package loads at their first use, each with the module that has it, by package."""
        stubs = {name: path.with_suffix(".pyi") for name, path in self.files.items() if path.name == "__init__.py"}
        return {name: names_of_stub(name, stub) for name, stub in stubs.items() if stub.is_file()}

    @cached_property
    def imports(self) -> list[Import]:
        """Every import of a module of this tree."""
        return [found for module in self.files for found in self.imports_of(module)]

    @cached_property
    def offers(self) -> list[Import]:
        """What lazy packages import at the first use of a name, as their stubs say."""
        stubs = self.lazy_names.items()
        return [
            Import(package, home, name, self.home(home, name), 0) for package, of in stubs for name, home in of.items()
        ]

    @cached_property
    def unreadable(self) -> list[str]:
        """Calls of `import_module` and the like whose module is not written as text, as `module, line`."""
        found = []
        for module, path in self.files.items():
            tree = ast.parse(path.read_text(encoding="utf-8"))
            functions = LOADERS | other_names(tree, LOADERS)
            calls = (
                node for node in ast.walk(tree) if isinstance(node, ast.Call) and last_part(node.func) in functions
            )
            found += [f"{module}, line {call.lineno}" for call in calls if not isinstance(module_text(call), str)]
        return found

    def imports_of(self, module: str) -> Iterator[Import]:
        """The imports of one file that lead into this tree: at its top, in functions, under `TYPE_CHECKING`."""
        path = self.files[module]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        functions = BY_NAME | other_names(tree, BY_NAME)
        for node in ast.walk(tree):
            for written, name in imported_by(node, package, functions):
                if written.partition(".")[0] in self.packages:
                    yield from self.resolve(module, written, name, node.lineno)

    def resolve(self, importer: str, written: str, name: str, line: int) -> Iterator[Import]:
        """An import as it is written, or what it stands for: a module, or each name of a package."""
        offered = self.lazy_names.get(written, {})
        if name in offered:
            yield Import(importer, written, name, self.home(offered[name], name), line)
        elif f"{written}.{name}" in self.files:
            yield from self.resolve(importer, f"{written}.{name}", "", line)
        else:
            yield Import(importer, written, name, written, line)
            if offered and name in ("", EVERYTHING):  # any of them can be used by it
                for home in sorted({self.home(module, each) for each, module in offered.items()}):
                    yield Import(importer, written, name, home, line)

    def home(self, module: str, name: str) -> str:
        """The module that has a name, which another lazy package may offer in between."""
        offered = self.lazy_names.get(module, {})
        return self.home(offered[name], name) if name in offered else module

    def public_names(self, module: str) -> Collection[str] | None:
        """The names that a package offers: those of its stub, or of `__all__`; None where it has neither."""
        if module in self.lazy_names:
            return self.lazy_names[module]
        for node in ast.parse(self.files[module].read_text(encoding="utf-8")).body if module in self.files else ():
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
                return ast.literal_eval(node.value)
        return None


def module_of(path: Path) -> str:
    """The name of the module at a path below the folder of the packages."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def names_of_stub(package: str, stub: Path) -> dict[str, str]:
    """What lazy_loader reads from a stub: the names, each with its module."""
    imports = [node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: absolute(node, package) for node in imports for alias in node.names}


def absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that `from ... import` names, a relative one too."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - node.level + 1]
    return ".".join([*above, node.module] if node.module else above)


def imported_by(node: ast.AST, package: str, functions: Collection[str]) -> Iterator[tuple[str, str]]:
    """(module, name in it or "") of each import that a node of the syntax tree is."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((absolute(node, package), alias.name) for alias in node.names)
    elif isinstance(node, ast.Call) and last_part(node.func) in functions and (text := module_text(node)):
        text = text.replace(":", ".")  # of `pkgutil.resolve_name`
        dots = len(text) - len(text.lstrip("."))
        yield absolute(ast.ImportFrom(text[dots:] or None, [], dots), package), ""


def module_text(call: ast.Call) -> str | None:
    """The module that a call of a loader names, in its first argument or by keyword; None where it is no text."""
    named = [word.value for word in call.keywords if word.arg in ("name", "package", "fullname")]
    match [*call.args[:1], *named]:
        case [ast.Constant(value=str(text)), *_]:
            return text
    return None


def other_names(tree: ast.AST, functions: Collection[str]) -> set[str]:
    """What a file calls these functions besides: `from importlib import import_module as x`, `x = import_module`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.asname and alias.name in functions}
        elif isinstance(node, ast.Assign) and last_part(node.value) in functions:
            names |= {last_part(target) for target in node.targets}
    return names


def last_part(node: ast.AST) -> str:
    """`c` of the expressions `c` and `a.b.c`."""
    return getattr(node, "id", "") or getattr(node, "attr", "")


def circles(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The sets of modules that import each other, directly or by way of others; the algorithm is Tarjan's."""
    following: dict[str, list[str]] = {}
    for importer, imported in edges:
        following.setdefault(importer, []).append(imported)
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found = []

    def visit(module: str) -> None:
        numbers[module] = lowest[module] = len(numbers)
        path.append(module)
        for other in following.get(module, ()):
            if other not in numbers:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in path:
                lowest[module] = min(lowest[module], numbers[other])
        if lowest[module] == numbers[module]:
            start = path.index(module)
            if len(path) - start > 1 or module in following.get(module, ()):
                found.append(sorted(path[start:]))
            del path[start:]

    for module in list(following):
        if module not in numbers:
            visit(module)
    return found
