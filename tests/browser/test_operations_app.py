"""The app with the buttons on a real desk: who may act acts and sees the proof, who may not cannot in any way."""

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

import toolkit as tk
from tests.browser.conftest import patient
from tests.tools.doors_kit import cookie_of, get, opens, post, tampered
from tests.tools.whole_desk import Desk, until
from toolkit.client.credentials import password_hash
from toolkit.client.desk_state import read_desk_state

pytestmark = pytest.mark.integration

PASSWORDS = {"anna": "anna has a long one", "bob": "bob has another one", "vera": "vera only looks on"}
PEOPLE = """
four_eyes: on
people:
  anna: {{roles: [operator, quant], runs_the_desk: true, login: "{anna}"}}
  bob: {{roles: [risk], login: "{bob}"}}
  vera: {{roles: [viewer], login: "{vera}"}}
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("operations")
    shutil.copytree(repository / "config", home / "config")
    shutil.copytree(repository / "notebooks/strategies", home / "notebooks/strategies")
    shutil.copytree(repository / "runbooks", home / "runbooks")  # an alert names the page to open
    hashes = {name: password_hash(password) for name, password in PASSWORDS.items()}
    (home / "config/people.yaml").write_text(PEOPLE.format(**hashes))
    made = Desk(home)
    answer = made.run("up", "-d", "--speed", "3", "--operations")
    try:
        assert answer.returncode == 0, answer.stderr
        assert until(lambda: made.process("operations").state == "running"), made.home.joinpath(
            "var/logs/operations.log"
        ).read_text()
        yield made
    finally:
        made.run("down")


@pytest.fixture(scope="module")
def link(desk: Desk) -> str:
    found = desk.process("operations").address
    assert desk.json("status")["operations"] == found
    return found


@contextlib.contextmanager
def logged_in(browser: Browser, link: str, name: str, width: int = 1280) -> Iterator[Page]:
    context = patient(browser.new_context(viewport={"width": width, "height": 900}))
    page = context.new_page()
    page.goto(link)
    page.fill("#name", name)
    page.fill("#password", PASSWORDS[name])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("strategies trade")).to_be_visible()
    yield page
    context.close()


def act(page: Page, button: str, subject: str, reason: str, confirms: str) -> None:
    """Choose, say why, read what will happen, say yes."""
    page.get_by_role("button", name=button, exact=True).click()
    choice = page.get_by_label(button)
    there = choice.locator("option", has_text=subject)
    expect(there).to_have_count(1)
    for _ in range(20):  # a choice says what is so now, and may say another thing by the time it is chosen
        with contextlib.suppress(PlaywrightTimeout):
            choice.select_option(label=there.inner_text(), timeout=1_000)
            break
    expect(choice.locator("option:checked")).to_contain_text(subject)
    page.get_by_label("why").fill(reason)
    page.get_by_role("button", name="Review …").click()
    expect(page.get_by_text(confirms).first).to_be_visible()
    page.get_by_role("button", name=re.compile("^Yes, ")).click()


def says(page: Page, words: str) -> str:
    """What became of it, once it is there."""
    outcome = page.get_by_role("status").filter(has_text=words)
    expect(outcome).to_be_visible()
    return outcome.inner_text()


def test_who_is_logged_in_disables_a_strategy_and_sees_the_proof(desk: Desk, link: str, browser: Browser) -> None:
    with logged_in(browser, link, "anna") as page:
        expect(page.get_by_text("PAPER", exact=True).first).to_be_visible()
        expect(page.get_by_role("cell", name="mean_reversion", exact=True).first).to_be_visible()
        page.get_by_role("button", name="Disable a strategy", exact=True).click()
        page.get_by_label("Disable a strategy").select_option(index=1)
        page.get_by_role("button", name="Review …").click()
        expect(page.get_by_text("say why")).to_be_visible()  # without a reason nothing is asked for
        act(page, "Disable a strategy", "trend", "odd fills", "trend is halted now")
        outcome = says(page, "trend is disabled; the venue shows no open order of it")
    (number,) = re.findall(r"event ([\d,]+)", outcome)
    event = int(number.replace(",", ""))
    record = tk.journal(kind="CommandTaken", home=desk.home).set_index("event").loc[event]
    assert (record["who"]["identity"], record["who"]["via"], record["who"]["verified"]) == (
        "login:anna",
        "app:operations",
        True,
    )
    assert (record["reason"], record["refused"]) == ("odd fills", "")
    assert desk.strategy("trend")["state"] == "HALTED"
    assert "strategy:trend" in desk.json("status")["latch_shut"]


@pytest.fixture
def halted(desk: Desk) -> None:
    """Trend stands: since the test of before, or, where another process of tests did that one, since now."""
    if desk.strategy("trend")["state"] != "HALTED":
        assert desk.run("disable", "trend", "--reason", "for an alert").returncode == 0


@pytest.mark.usefixtures("halted")
def test_an_alert_is_acknowledged_then_silenced_under_the_name_of_who_is_logged_in(
    desk: Desk, link: str, browser: Browser
) -> None:
    """What fires is that a strategy was halted."""
    with logged_in(browser, link, "anna") as page:
        expect(page.get_by_role("cell", name="trading_halted", exact=True).first).to_be_visible()
        act(page, "Acknowledge", "trading_halted", "seen", "trend is halted")
        says(page, "it is yours, and goes on to nobody else")
        expect(page.get_by_role("cell", name="acknowledged", exact=True).first).to_be_visible()
        (alert,) = [each for each in desk.json("alerts", "list")["open"] if each["rule"] == "trading_halted"]
        assert (alert["state"], alert["by"], alert["reason"]) == ("acknowledged", "login:anna", "seen")
        act(page, "Silence", "trading_halted", "known", "nobody is told of it")
        says(page, "silenced; it still shows here")
        expect(page.get_by_role("cell", name="silenced", exact=True).first).to_be_visible()


def test_a_release_after_a_kill_waits_for_a_second_person_who_approves_it_here(
    desk: Desk, link: str, browser: Browser
) -> None:
    with logged_in(browser, link, "anna", width=390) as page:
        act(page, "Halt entries", "strategy quoting", "odd quotes", "Entries of strategy quoting are halted")
        says(page, "the venues show nothing of it, also after the quarantine")
        act(page, "Enable a strategy", "quoting", "mended", "another person must approve")
        says(page, "quoting stays stopped: it waits for another person")
        expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)  # takes role risk
        page.wait_for_function("document.documentElement.scrollWidth === 390")
    with logged_in(browser, link, "bob") as page:
        act(page, "Approve", "quoting", "I saw the mend", "Exactly this comes into force")
        says(page, "is approved, and in force")
    assert desk.strategy("quoting")["state"] == "ACTIVE"
    assert "strategy:quoting" not in desk.json("status")["latch_shut"]
    decided = tk.journal(kind="ChangeApproved", home=desk.home).iloc[-1]["who"]
    assert (decided["identity"], decided["via"], decided["alone"]) == ("login:bob", "app:operations", False)


def test_a_viewer_sees_and_has_no_button(link: str, browser: Browser) -> None:
    with logged_in(browser, link, "vera") as page:
        expect(page.get_by_text("You look on")).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(1)  # log out
        kinds = page.evaluate("[...Bokeh.documents[0]._all_models.values()].map(model => model.type)")
        assert any("HTML" in kind for kind in kinds), kinds
        assert not [kind for kind in kinds if "widgets" in kind], "nothing that a forged click could be for"
        page.get_by_role("button", name="Log out").click()
        page.goto(link)
        expect(page.locator("#password")).to_be_visible()


def test_a_forged_request_opens_nothing(desk: Desk, link: str) -> None:
    anna, vera = (cookie_of(link, name, PASSWORDS[name]) for name in ("anna", "vera"))
    status, page = get(link, "/", anna)
    assert status == 200
    token = re.search(r'"token":"([^"]+)"', page)
    assert token is not None
    assert anna.partition("=")[2] not in page, "no script on the page may read the session"
    here = link.rstrip("/")

    assert opens(link, token[1], here, anna) == "open"
    assert opens(link, token[1], "http://127.0.0.1:1", anna) != "open", "another origin"
    assert opens(link, token[1], "", anna) != "open", "no origin"
    assert opens(link, token[1], here, "") != "open", "no session"
    assert opens(link, token[1], here, vera) != "open", "somebody else's page"
    assert opens(link, token[1], here, tampered(anna)) != "open", "a tampered cookie"
    assert opens(link, token[1][:-2] + "AA", here, anna) != "open", "a token that nobody here signed"
    for cookie in ("", tampered(anna), "operations=anna"):
        assert get(link, "/", cookie)[0] == 302
    assert get(link, "/", anna, Host="evil.example")[0] == 302, "a name that was bent to this address"
    assert get(link, "/autoload.js?bokeh-autoload-element=x", anna)[0] == 302, "no other page holds this one"
    assert post(link, "anna", PASSWORDS["anna"], origin="http://127.0.0.1:1")[0] == 403


def test_passwords_are_tried_a_few_times_a_minute(link: str) -> None:
    here = link.rstrip("/")
    answers = [post(link, "carl", f"guess number {number}", origin=here) for number in range(7)]
    assert [status for status, _, _ in answers] == [403] * 7
    assert "too many tries" in answers[-1][2]
    assert "name or password is wrong" in answers[0][2]


def test_its_hang_is_said_on_the_page_changes_nothing_and_the_page_comes_back(
    desk: Desk, link: str, browser: Browser
) -> None:
    engine = desk.process("engine").pid
    with logged_in(browser, link, "anna") as page:
        page.evaluate("window.before = true")
        os.kill(desk.process("operations").pid, signal.SIGSTOP)
        expect(page.get_by_role("alert")).to_contain_text("Not connected for")
        page.wait_for_function("window.before === undefined")  # reloaded, and the session is known
        expect(page.get_by_text("strategies trade")).to_be_visible()
        expect(page.get_by_role("alert")).to_be_hidden()
    state = read_desk_state(desk.home / "var/run/processes.json")
    assert state is not None
    assert (state.ready, desk.process("engine").pid) == (True, engine)
