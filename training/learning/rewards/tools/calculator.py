"""Arithmetic: + - * / ** and parentheses over numbers, nothing else."""

import ast

from ..written.expressions import Language, NoValue, Refused, parse_expression, value_of

NUMBERS = Language()
SIGNS = (ast.Constant, ast.BinOp, ast.UnaryOp)


def calculate(text: str) -> str:
    """The value of an expression, whole numbers exactly. Raises ValueError in words."""
    tree = parse_expression(text.replace("^", "**").replace("×", "*").replace("÷", "/").replace("−", "-"), NUMBERS)
    if any(isinstance(node, ast.expr) and not isinstance(node, SIGNS) for node in ast.walk(tree)):
        raise Refused("the calculator reads numbers, + - * / ** and parentheses")
    try:
        value = value_of(tree, {}, {})
    except NoValue as error:
        raise ValueError(f"no value: {error}") from None
    return str(value) if isinstance(value, int) else f"{value:.12g}"
