"""The library of the pictures: once per notebook, again where it was, always outside; scripts that no text can end."""

import re
import subprocess
import sys
from html.parser import HTMLParser

from bokeh.plotting import figure

from toolkit.research.embedding import Notebook, Pictures, current_cell, library

SCRIPT = re.compile("<script[^>]*>")


def test_it_comes_once_per_notebook_and_again_in_the_cell_that_holds_it() -> None:
    notebook = Notebook()
    brought = [bool(notebook.library(cell)) for cell in ("first", "second", "first", "third")]
    assert brought == [True, False, True, False]


def test_outside_of_a_notebook_every_page_brings_it() -> None:
    assert current_cell() is None
    notebook = Notebook()
    assert notebook.library(None)
    assert notebook.library(None)


def test_it_is_inline_and_fetches_nothing() -> None:
    assert set(SCRIPT.findall(library())) == {"<script>"}
    assert len(library()) > 500_000


def test_another_extension_of_bokeh_in_the_same_process_brings_no_file_of_its_own() -> None:
    code = (
        "import panel; panel.extension(); from toolkit.research.embedding import library; "
        "import re; print(set(re.findall('<script[^>]*>', library())))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "{'<script>'}"


def test_a_title_cannot_end_the_script() -> None:
    class Scripts(HTMLParser):
        found = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.found += tag == "script"

    pictures = Pictures()
    spot = pictures.place(figure(title="</script><script>alert(1)</script>"))
    parser = Scripts()
    parser.feed(spot + pictures.script())
    assert parser.found == 1


def test_without_pictures_there_is_no_script() -> None:
    assert Pictures().script() == ""
