"""Makes the README's pictures: the text of a terminal, or a page, drawn by a headless Chromium; no test needs it.

    some-command | python -m tests.tools.make_pictures terminal notebooks/pictures/NAME.png ['title']
    python -m tests.tools.make_pictures page FILE.html notebooks/pictures/NAME.png WIDTH HEIGHT

Let the command believe that it has a terminal (`script -qec 'execution status' /dev/null | …`), for its colours.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
THEME = TerminalTheme(
    (24, 27, 33), (214, 218, 225),
    [(24, 27, 33), (224, 108, 117), (126, 198, 119), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194),
     (190, 195, 204)],
    [(92, 99, 112), (240, 130, 138), (152, 220, 145), (240, 210, 150), (130, 195, 245), (215, 150, 235),
     (110, 205, 215), (255, 255, 255)],
)  # fmt: skip
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #181b21 }}
pre {{ margin: 0; padding: 14px 18px; font: 13px/18px "DejaVu Sans Mono", monospace; color: {foreground}; }}
</style><pre>{code}</pre>"""
CHARACTER, LINE, MARGIN = 7.83, 18, 36
COLOURS, COMMON = 256, 64


def terminal(screen: str, picture: Path, prompt: str = "") -> None:
    """Draw what a terminal shows; `prompt` is the command above it."""
    lines = [line.rpartition("\r")[2].rstrip() for line in screen.replace("\r\n", "\n").rstrip().split("\n")]
    text = Text.from_ansi("\n".join(lines))
    if prompt:
        text = Text.assemble(("$ ", "bright_black"), (prompt, "bold"), "\n", text)
    width = max(cell_len(line.plain) for line in text.split())
    console = Console(record=True, width=width + 1, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(text, highlight=False, no_wrap=True, overflow="ignore", crop=False)
    page = console.export_html(theme=THEME, inline_styles=True, code_format=PAGE)
    height = (len(text.plain.splitlines()) + 1) * LINE + 18
    shoot(page, picture, round(width * CHARACTER) + MARGIN, height)


def shoot(page: str, picture: Path, width: int, height: int) -> None:
    """A screenshot at one and a half times the size, to be sharp on any screen, in few colours, rare ones too."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        subprocess.run(
            [*CHROMIUM, f"--user-data-dir={folder}/profile", "--force-device-scale-factor=1.5",
             f"--window-size={width},{height}", f"--screenshot={picture.resolve()}", file.as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip
    lighten(picture)


def lighten(picture: Path) -> None:
    """Few colours are enough, and a fraction of the weight: those of most pixels as they are, some for the rest."""
    with Image.open(picture) as opened:
        full = opened.convert("RGB")
    counted = sorted(full.getcolors(1 << 24) or [], key=lambda each: -each[0])
    common = [value for _, colour in counted[:COMMON] if isinstance(colour, tuple) for value in colour]
    others = full.quantize(COLOURS - COMMON, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette((common + others)[: 3 * COLOURS])
    full.quantize(palette=palette, dither=Image.Dither.NONE).save(picture, optimize=True)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["terminal", picture, *prompt]:
            terminal(sys.stdin.read(), Path(picture), *prompt)
        case ["page", file, picture, width, height]:
            shoot(Path(file).read_text(encoding="utf-8"), Path(picture), int(width), int(height))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
