"""The floors of the house: what may import what, no cycles, and what `import wsim` loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    0: "errors schema",
    1: "randomness impairments rules conditions transit transport channel link tcp profiles "
    "messages payloads identifiers names validation traffic timeline damage lints explanation "
    "fitting interchange",
    2: "store history formats",
    3: "timing clock simulation simulator batch rover",
    4: "analysis serving",
    5: "dashboard cli pytest_plugin sessions notebook sweep",
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms.split()}
UPWARD = {("simulator", "serving")}
"""`sim.serve` delegates upward, lazily: the one exception."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "wsim").rglob("*.py"))}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(module: str) -> list[tuple[str, bool]]:
    """Return the wsim modules that `module` imports, and whether only for the type checker."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    typing_only = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for statement in branch.body
        for node in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node in typing_only) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            known = [name if name in MODULES else node.module for name in names]
            found += [(name, node in typing_only) for name in known]
    return [(name, typed) for name, typed in found if name.split(".")[0] == "wsim"]


def test_every_room_has_a_floor():
    rooms = {room(module) for module in MODULES} - {""}
    assert rooms - set(FLOOR_OF) == set(), "name the floor of new rooms in FLOORS"


@pytest.mark.parametrize("module", [m for m in MODULES if "." in m])
def test_imports_go_down(module):
    here = FLOOR_OF[room(module)]
    for name, _ in imports(module):
        there = room(name)
        if there in ("", room(module)) or (room(module), there) in UPWARD:
            continue
        assert FLOOR_OF[there] <= here, f"{module} (floor {here}) imports {name}"


def test_no_import_cycles():
    graph = {
        module: {name for name, typed in imports(module) if not typed and name != module}
        for module in MODULES
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"cycle: {' -> '.join((*path, module))}"
        if module not in done:
            for name in sorted(graph.get(module, ())):
                visit(name, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_the_model_knows_no_pandas_and_no_loop():
    for module in MODULES:
        if "." in module and FLOOR_OF[room(module)] <= 1:
            source = MODULES[module].read_text(encoding="utf-8")
            tops = {
                (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name or "")
                for node in ast.walk(ast.parse(source))
                if isinstance(node, ast.Import | ast.ImportFrom)
            }
            banned = {"pandas", "asyncio", "matplotlib", "time", "logging"}
            assert not banned & {str(top).split(".")[0] for top in tops}, module


HEAVY = ("matplotlib", "ipywidgets", "socketio", "aiohttp", "pyarrow", "nest_asyncio", "IPython")


def test_importing_wsim_loads_nothing_heavy_and_changes_nothing():
    code = f"""
import sys
import wsim
assert not {{"numpy", "pandas", *{HEAVY!r}}} & set(sys.modules)
import pandas
before = set(sys.modules)
from wsim import NetworkConditions, Channel, WebSocketServerSimulator, simulate, summarize
names = sorted((set(sys.modules) - before) & set({HEAVY!r}))
assert not names, names
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    import wsim

    for name in wsim.__all__:
        assert getattr(wsim, name) is not None
        assert getattr(wsim, name).__doc__ or isinstance(getattr(wsim, name), str)


def test_modules_stay_small():
    lengths = {m: len(p.read_text(encoding="utf-8").splitlines()) for m, p in MODULES.items()}
    assert {m: n for m, n in lengths.items() if n > 400} == {}
