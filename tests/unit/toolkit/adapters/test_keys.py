import inspect
import re
from pathlib import Path

from toolkit.adapters import keys

FUNCTIONS = [function for _, function in inspect.getmembers(keys, inspect.isfunction) if function is not keys.budget]


def every_key(book: str) -> list[str]:
    second = {"producer": "trend", "strategy": "trend", "stream": "feed", "epoch": 3}
    return [
        function(book, *(second[name] for name in list(inspect.signature(function).parameters)[1:]))
        for function in FUNCTIONS
    ]


def test_no_two_keys_are_the_same() -> None:
    found = every_key("paper") + every_key("live")
    assert len(set(found)) == len(found)


def test_every_key_of_a_book_lies_on_one_node_of_a_cluster() -> None:
    assert all(re.match(r"\{paper\}:\w", key) for key in every_key("paper"))


def test_a_budgets_key_is_of_no_book_and_lies_on_one_node_too() -> None:
    assert keys.budget("main") == "{budget:main}:given"


def test_no_other_module_spells_a_key(repository: Path) -> None:
    spelled = re.compile(r"\}:(?:journal|head|lease|commands|inbox|operations|released|beats)\b")
    sources = [path for package in ("toolkit", "execution") for path in (repository / package).rglob("*.py")]
    found = [path.name for path in sources if path.name != "keys.py" and spelled.search(path.read_text())]
    assert not found
