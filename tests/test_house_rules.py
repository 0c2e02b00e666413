"""The rules of the house that a machine can see: who imports whom, how files and functions look, what is banned."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jaxanim"
SOURCES = sorted(PACKAGE.rglob("*.py"))
OWN_CODE = [
    path
    for folder in ("jaxanim", "launch", "data_pipelines", "benchmarks", "configs")
    for path in (ROOT / folder).rglob("*.py")
]
MAX_LINES = 400
MAX_FUNCTION_LINES = 60

# A room may import itself and the rooms to its left. Rooms in one tuple do not import each other.
LAYERS = (
    ("core",),
    ("ops", "weights"),
    ("geometry", "nn"),
    ("losses", "signals"),
    ("systems", "tracking"),
    ("train", "data", "animate", "evaluate"),
    ("export",),
    ("cli",),
)
ROOMS = [room for layer in LAYERS for room in layer]
VAGUE_NAMES = {"utils", "util", "misc", "common", "helpers", "tools", "stuff"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def room_of(module: str) -> str | None:
    """'jaxanim.ops.flow' -> 'ops'; None for other packages and for jaxanim itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "jaxanim" and len(parts) > 1 else None


def imports(tree: ast.AST) -> set[str]:
    """Returns every module that is imported anywhere, also inside functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_room_is_on_the_plan():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms <= set(ROOMS)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_point_one_way(path):
    parts = path.relative_to(PACKAGE).parts
    if len(parts) == 1:
        return
    level = next(index for index, layer in enumerate(LAYERS) if parts[0] in layer)
    allowed = {room for layer in LAYERS[:level] for room in layer} | {parts[0]}
    wanted = {room_of(module) for module in imports(parse(path))} - {None, "__version__"}
    assert wanted <= allowed, f"{name(path)} imports {sorted(wanted - allowed)}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_systems_do_not_import_each_other(path):
    parts = path.relative_to(PACKAGE).parts
    if parts[0] == "systems" and len(parts) > 2:
        others = {m for m in imports(parse(path)) if m.startswith("jaxanim.systems.")}
        assert all(module.split(".")[2] == parts[1] for module in others)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_linen_stays_in_its_rooms(path):
    parts = path.relative_to(PACKAGE).parts
    if parts[0] != "nn" and not (parts[0] in ("systems", "tracking") and path.name == "networks.py"):
        assert not {module for module in imports(parse(path)) if module.startswith("flax.linen")}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_needs_a_checkout_or_another_framework(path):
    """What is installed does not import what is not, nor TensorFlow or PyTorch."""
    outside = {"launch", "data_pipelines", "benchmarks", "configs", "tests", "tensorflow", "torch"}
    assert not {module.split(".")[0] for module in imports(parse(path))} & outside


@pytest.mark.parametrize("path", OWN_CODE, ids=name)
def test_files_are_of_a_size_and_say_what_they_are(path):
    text = path.read_text()
    assert text.count("\n") <= MAX_LINES
    assert path.stem not in VAGUE_NAMES
    assert not re.search(r"_\d+$", path.stem), "files are named after things, not versions"
    assert ast.get_docstring(parse(path))


@pytest.mark.parametrize("path", OWN_CODE, ids=name)
def test_functions_are_of_a_size(path):
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions(parse(path))}
    assert {f: lines for f, lines in long.items() if lines > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", OWN_CODE, ids=name)
def test_no_star_imports_no_globals_no_code_in_strings(path):
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names)
        assert not isinstance(node, ast.Global)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}


@pytest.mark.parametrize("path", OWN_CODE, ids=name)
def test_random_keys_are_called_key_and_come_first(path):
    for function in functions(parse(path)):
        arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in ("self", "cls")]
        if "key" in arguments and _annotation(function, "key").startswith("Key"):
            assert arguments[0] == "key", f"{function.name}: key must be the first argument"
        for argument in (*function.args.args, *function.args.kwonlyargs):
            # numpy generators on the host are `rng`; JAX keys are not.
            if argument.arg == "rng":
                assert "Generator" in _annotation(function, "rng"), f"{function.name}: a JAX key is called key"


def _annotation(function: ast.FunctionDef, argument: str) -> str:
    every = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    found = next(a for a in every if a.arg == argument)
    return ast.unparse(found.annotation) if found.annotation else ""


@pytest.mark.parametrize("path", OWN_CODE, ids=name)
def test_every_argument_and_result_is_annotated(path):
    for function in functions(parse(path)):
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
            assert argument.annotation or argument.arg in ("self", "cls"), f"{function.name}({argument.arg})"
        assert function.returns or function.name == "__init__", function.name


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_have_no_mutable_state(path):
    """Module-level names in lower case that hold containers would be shared state; tables are in capitals."""
    for node in parse(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.List | ast.Set):
            assert all(isinstance(t, ast.Name) and (t.id.isupper() or t.id == "__all__") for t in node.targets)


def test_tests_mirror_the_package():
    rooms = {path.relative_to(PACKAGE).parts[0] for path in SOURCES if len(path.relative_to(PACKAGE).parts) > 1}
    assert {room for room in rooms if not list((ROOT / "tests" / room).rglob("test_*.py"))} == set()


def test_goldens_stay_small():
    total = sum(path.stat().st_size for path in (ROOT / "tests" / "golden").rglob("*") if path.is_file())
    assert total <= 12e6


def test_no_path_of_a_machine():
    tracked = [
        p for p in ROOT.rglob("*") if p.suffix in {".py", ".md", ".toml", ".ipynb", ".yaml", ".sh"} and p.is_file()
    ]
    own = [p for p in tracked if not {".venv", ".git", "build", "dist"} & set(p.relative_to(ROOT).parts)]
    pattern = re.compile(r"(?<![\w.])/(work|home|root|Users|opt|mnt)/[a-z]")
    named = {name(path) for path in own if pattern.search(path.read_text(errors="replace"))}
    assert named - {"tests/test_house_rules.py"} == set()
