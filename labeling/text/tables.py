"""Tables that lose nothing: where a row has more cells than the head, there is no table, only text."""

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, getLine, table


def whole_tables(markdown: MarkdownIt) -> None:
    """Replace the parser's rule, which drops the cells beyond the head's columns."""
    markdown.block.ruler.at("table", _whole_table, {"alt": ["paragraph", "reference"]})


def _whole_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    count, line = len(state.tokens), state.line
    if not table(state, start, end, silent):
        return False
    columns = sum(token.type == "th_open" for token in state.tokens[count:])
    if silent or all(_cells(getLine(state, row)) <= columns for row in range(start + 2, state.line)):
        return True
    del state.tokens[count:]
    state.line = line
    return False


def _cells(row: str) -> int:
    cells = escapedSplit(row.strip())
    return len(cells) - (cells[0] == "") - (len(cells) > 1 and cells[-1] == "")
