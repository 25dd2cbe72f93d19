"""A small language of arithmetic for texts that a language model wrote: a sandbox by construction.

Python's parser makes the tree and nothing of Python runs it. A tree is refused unless each of its nodes is on a short
list (numbers, names that were declared, arithmetic, comparisons, and/or/not, a choice, few functions); an interpreter
of its own then walks it. There is no attribute, subscript, text, loop, import or call by a computed name in the
language, so there is nothing to escape through; length, nodes, depth and the size of every number are bounded, so
there is nothing to exhaust either. What it computes, it computes as Python does.
"""

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Number = int | float  # a comparison is a bool, which counts 0 or 1 as in Python

LONGEST = 4_000  # characters
MOST_NODES = 400
DEEPEST = 24
LARGEST = 1e100  # of any number on the way
MOST_BITS = 330  # of a whole power: 1e99


class Refused(ValueError):
    """The text is not of the language; the message says what is not."""


class NoValue(ValueError):
    """The expression has no value here: a division by zero, a logarithm of nothing, a number too large."""


@dataclass(frozen=True)
class Language:
    """What may stand in an expression: names of numbers, functions by name, and powers or not."""

    names: frozenset[str] = frozenset()
    functions: Mapping[str, Callable[..., float]] | None = None
    powers: bool = True

    @property
    def callable_names(self) -> frozenset[str]:
        """The names that may be called."""
        return frozenset(self.functions or ())


FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max, "abs": abs, "log": math.log, "exp": math.exp}
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}


def parse_expression(source: str, language: Language) -> ast.expr:
    """One expression of the language. Raises Refused, in words."""
    body = _parsed(source)
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise Refused("one expression is read here, no statement")
    check(body[0].value, language)
    return body[0].value


def parse_program(source: str, language: Language, result: str) -> tuple[tuple[str, ast.expr], ...]:
    """Lines ``name = expression``, each able to read the names before it, ending in ``result``. Raises Refused."""
    steps: list[tuple[str, ast.expr]] = []
    known = language.names
    for statement in _parsed(source):
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
            raise Refused(f"line {statement.lineno}: every line is `name = expression`")
        target = statement.targets[0]
        if not isinstance(target, ast.Name) or target.id in known | language.callable_names:
            raise Refused(f"line {statement.lineno}: a line gives a value to one new name")
        check(statement.value, Language(known, language.functions, language.powers))
        steps.append((target.id, statement.value))
        known |= {target.id}
    if not steps or steps[-1][0] != result:
        raise Refused(f"the last line is `{result} = expression`")
    if sum(1 for _, tree in steps for _ in ast.walk(tree)) > MOST_NODES:
        raise Refused(f"at most {MOST_NODES} numbers, names and signs")
    return tuple(steps)


def _parsed(source: str) -> list[ast.stmt]:
    if len(source) > LONGEST:
        raise Refused(f"at most {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"it cannot be read as arithmetic: {getattr(error, 'msg', type(error).__name__)}") from None


def check(tree: ast.expr, language: Language) -> None:
    """Raise Refused unless every node of a tree is of the language, and the tree is small."""
    nodes = 0
    waiting: list[tuple[ast.expr, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if nodes > MOST_NODES or depth > DEEPEST:
            raise Refused(f"at most {MOST_NODES} numbers, names and signs, nested at most {DEEPEST} deep")
        waiting += [(child, depth + 1) for child in _children(node, language)]


def _children(node: ast.expr, language: Language) -> list[ast.expr]:
    """What stands below an allowed node. Raises Refused for any other."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if not abs(value) <= LARGEST:
                raise Refused(f"a number is at most {LARGEST:g}")
            return []
        case ast.Name(id=name):
            if name not in language.names:
                raise Refused(f"there is no {name!r}; there are {', '.join(sorted(language.names)) or 'no names'}")
            return []
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) not in ARITHMETIC and not (language.powers and isinstance(op, ast.Pow)):
                raise Refused(f"{type(op).__name__} is not of the language")
            return [left, right]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in SIGNS:
            return [operand]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARED for op in ops):
            return [left, *others]
        case ast.BoolOp(values=values):
            return list(values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [test, body, orelse]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in language.callable_names:
            least, most = (2, 8) if name in ("min", "max") else (1, 1)
            if not least <= len(arguments) <= most:
                raise Refused(f"{name} takes {least} to {most} numbers" if most > 1 else f"{name} takes one number")
            return list(arguments)
    raise Refused(f"{type(node).__name__} is not of the language")


def value_of(tree: ast.expr, values: Mapping[str, Number], functions: Mapping[str, Callable[..., float]]) -> Number:
    """The value of a checked tree. Raises NoValue."""
    try:
        return _value(tree, values, functions)
    except (ZeroDivisionError, OverflowError) as error:
        raise NoValue(str(error)) from None
    except ValueError as error:  # math's own: a logarithm of what has none
        raise NoValue(str(error)) from None


def _value(node: ast.expr, values: Mapping[str, Number], functions: Mapping[str, Callable[..., float]]) -> Number:
    def of(child: ast.expr) -> Number:
        return _value(child, values, functions)

    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name):
            return _bounded(values[name])
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _bounded(power(of(left), of(right)))
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(ARITHMETIC[type(op)](of(left), of(right)))
        case ast.UnaryOp(op=sign, operand=operand):
            return _bounded(SIGNS[type(sign)](of(operand)))
        case ast.Compare(left=left, ops=ops, comparators=others):
            seen = [of(left), *(of(other) for other in others)]
            return all(COMPARED[type(op)](seen[i], seen[i + 1]) for i, op in enumerate(ops))
        case ast.BoolOp(op=op, values=parts):
            return _either(isinstance(op, ast.Or), parts, of)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return of(body) if of(test) else of(orelse)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _bounded(functions[name](*(of(argument) for argument in arguments)))
    raise Refused(f"{type(node).__name__} is not of the language")


def _either(any_of: bool, parts: list[ast.expr], of: Callable[[ast.expr], Number]) -> Number:
    """``or`` and ``and`` as in Python: the operand that decides is the value, and what follows is not looked at."""
    found: Number = 0
    for part in parts:
        found = of(part)
        if bool(found) is any_of:
            break
    return found


def power(base: Number, exponent: Number) -> Number:
    """base ** exponent, refused (NoValue) before it is computed where it would be huge, after where it is complex."""
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > MOST_BITS:
        raise NoValue(f"a power of more than {MOST_BITS} binary digits")
    found: Any = base**exponent
    if isinstance(found, complex):
        raise NoValue("a root of a negative number")
    return float(found) if isinstance(found, float) else int(found)


def _bounded(value: Any) -> Number:
    if not abs(value) <= LARGEST:  # false for what is no number, too
        raise NoValue(f"a number beyond {LARGEST:g}")
    return value  # type: ignore[no-any-return]
