"""What TSSD changes in each script of examples/your_model."""

import ast
import difflib

from builders.examples import EXAMPLES

FOLDER = EXAMPLES / "your_model"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def source(name):
    return (FOLDER / f"{name}.py").read_text()


def body(name, function):
    """A function's lines between its docstring and its return, without their indent."""
    lines = source(name).splitlines()
    found = next(
        node
        for node in ast.parse(source(name)).body
        if isinstance(node, ast.FunctionDef) and node.name == function
    )
    first, last = found.body[0], found.body[-1]
    if not (isinstance(first, ast.Expr) and isinstance(last, ast.Return)):
        raise ValueError(f"{name}.{function} needs a docstring and a return")
    return [line[4:] for line in lines[first.end_lineno : last.lineno - 1]]


def imported(name):
    """The line that imports the library."""
    (line,) = [line for line in source(name).splitlines() if "import" in line and "tssd_" in line]
    return line


def n_changed(name):
    """Lines of the plain version that are changed, gone or new, the import among them."""
    plain, ours = body(name, "plain"), body(name, "with_tssd")
    steps = difflib.SequenceMatcher(None, plain, ours, autojunk=False).get_opcodes()
    return 1 + sum(max(b - a, d - c) for kind, a, b, c, d in steps if kind != "equal")


def diff(name):
    """The change as a diff of whole functions, as docs/your_model.md shows it."""
    plain, ours = body(name, "plain"), body(name, "with_tssd")
    lines = list(difflib.unified_diff(plain, ours, lineterm="", n=1000))[3:]
    return "\n".join([f"+{imported(name)}", " ", *lines])
