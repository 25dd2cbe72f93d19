"""Charts as files of their own: the site's charts with its colours inside, for light and dark."""

from collections.abc import Sequence
from pathlib import Path

from labeling.charts.svg import WIDTH
from training.learning.job import write_text

LIGHT = (
    "--ink:#17191f;--ink-2:#4e535b;--line:#d8dadc;--line-2:#7e848c;"
    "--sheet:#fefefe;--a:#2f55a4;--b:#8f4118;--mark:#14684b"
)
DARK = (
    "--ink:#e5e8ea;--ink-2:#a6adb5;--line:#333840;--line-2:#666d76;"
    "--sheet:#1a1e25;--a:#93b3ef;--b:#e3a37b;--mark:#72cfab"
)
STYLE = (
    f":root{{{LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}"
    ".ground{fill:var(--sheet)}text{font:12px system-ui,sans-serif;fill:var(--ink-2)}.label{fill:var(--ink)}"
    ".tick-text,.label{paint-order:stroke;stroke:var(--sheet);stroke-width:4px}"
    ".axis{stroke:var(--line-2);fill:none}.rule{stroke:var(--line);fill:none}"
    ".target{stroke:var(--ink-2);stroke-dasharray:3 4;fill:none}.whisker{stroke:var(--ink);stroke-width:1.5}"
    ".line{fill:none;stroke:var(--a);stroke-width:2}.line.b{stroke:var(--b)}.line.good{stroke:var(--mark)}"
    ".line.ink{stroke:var(--ink)}.line.faint{stroke:var(--ink-2);stroke-dasharray:1 4}"
    ".band{fill:var(--a);opacity:.16}.band.b{fill:var(--b)}.band.good{fill:var(--mark)}.band.ink{fill:var(--ink)}"
    ".dot{fill:var(--a);stroke:var(--sheet);stroke-width:1.5}.dot.b{fill:var(--b)}.dot.good{fill:var(--mark)}"
    ".dot.ink{fill:var(--ink)}.dot.faint{fill:var(--ink-2)}"
)
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
MARGIN, HEAD = 16, 34


def save_charts(path: Path, charts: Sequence[tuple[str, str]]) -> None:
    """Write (title, chart) pairs one below the other as one SVG file."""
    parts, top = [], float(MARGIN)
    for title, chart in charts:
        height = float(chart.split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split(" ")[1])
        place = f'<svg x="{MARGIN}" y="{top + HEAD:g}" width="{WIDTH}" height="{height:g}" '
        parts.append(f'<text class="label" x="{MARGIN}" y="{top + 14:g}">{title}</text>')
        parts.append(place + chart.removeprefix("<svg "))
        top += HEAD + height
    size = f'width="{WIDTH + 2 * MARGIN}" height="{top + MARGIN:g}"'
    ground = f'<rect class="ground" {size}/>'
    write_text(path, f"<svg {NAMESPACE} {size}><style>{STYLE}</style>{ground}{''.join(parts)}</svg>\n")
