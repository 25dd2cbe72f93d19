"""Small seeded faults in a source file, one at a time: what a test suite should notice."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """A file with one fault in it."""

    path: Path
    line: int
    was: str
    now: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.was}  →  {self.now}"


def mutants(path: Path, source: str) -> Iterator[Mutant]:
    """Every fault of this kind that a file can have, in the order of its lines."""
    for node in ast.walk(ast.parse(source)):
        for faulty in _faults(node):
            yield _planted(path, source, node, faulty)


def _faults(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in SWAPS:
            yield _with(node, ops=[SWAPS[type(operator)]()])
        case ast.BinOp(op=operator) if type(operator) in SWAPS and not _is_text(node):
            yield _with(node, op=SWAPS[type(operator)]())
        case ast.BoolOp(op=operator):
            yield _with(node, op=SWAPS[type(operator)]())
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.UnaryOp(op=ast.USub()) if not isinstance(node.operand, ast.Constant):
            yield node.operand
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(value=ast.Constant(None))


def _is_text(node: ast.BinOp) -> bool:
    """Whether it joins texts or repeats one."""
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _with(node: ast.AST, **changes: object) -> ast.AST:
    changed = copy.deepcopy(node)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def _planted(path: Path, source: str, node: ast.AST, faulty: ast.AST) -> Mutant:
    """Replace the node's own bytes and nothing else."""
    assert isinstance(node, ast.expr | ast.stmt)
    assert node.end_lineno is not None and node.end_col_offset is not None
    lines = source.encode().splitlines(keepends=True)
    begin = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    code = source.encode()
    new = ast.unparse(faulty)
    new = new if isinstance(faulty, ast.stmt) else f"({new})"
    was = code[begin:end].decode()
    return Mutant(path, node.lineno, was, new, (code[:begin] + new.encode() + code[end:]).decode())
