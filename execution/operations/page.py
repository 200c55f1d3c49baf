"""One visitor's page: the board, refreshed each second, and the buttons that this visitor's roles allow."""

from __future__ import annotations

import asyncio
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, Final

import panel as pn

from execution.operations import markup
from execution.operations.actions import ACTIONS, GROUPS, Action, Deed, offered, wrong_with
from execution.operations.board import Board
from execution.operations.doing import Doing, Told, timed
from execution.operations.logins import Logins, Visitor
from execution.operations.sessions import Session
from execution.operations.watch import Watch

REFRESH_MS: Final = 1000
LONGEST_REASON: Final = 400
_WIDGETS: Final = (Path(__file__).parent / "widgets.css").read_text(encoding="utf-8")
_WIDE: Final = "stretch_width"
OVER: Final = '<div class="note bad">You are logged out. <a href="./login">Log in</a> to go on.</div>'
LOOKING: Final = '<p class="empty">Reading the books …</p>'
NOTHING: Final = '<p class="empty">Nothing is there now that this could be done to.</p>'
CHOOSE: Final = "choose …"
VIEWER: Final = '<p class="dim">You look on: no role of yours gives commands here.</p>'


class Page:
    """Belongs to one session of one login. What a click asks for is checked as if nothing had been shown before."""

    def __init__(self, session: Session | None, logins: Logins, watch: Watch, doing: Doing, kind: str) -> None:
        self._session = session
        self._logins = logins
        self._watch = watch
        self._doing = doing
        self._kind = kind
        self._roles: frozenset[Any] | None = None
        self._picked: Action | None = None
        self._reviewed: Deed | None = None
        self._top, self._numbers, self._act_title, self._body = _html(), _html(), _html(), _html(LOOKING)
        self._beat, self._beats = pn.pane.HTML("", tags=["beat"], visible=False), 0
        self._buttons = pn.FlexBox(gap="8px", sizing_mode=_WIDE)
        self._subject = _styled(pn.widgets.Select(label="what", options={}))
        self._choice = _styled(pn.widgets.Select(label="", options={}))
        self._words = _styled(pn.widgets.TextInput(label="", max_length=LONGEST_REASON))
        self._reason = _styled(pn.widgets.TextInput(label="why", placeholder="a reason", max_length=LONGEST_REASON))
        self._review = _button("Review …", self._on_review)
        self._wrong, self._said, self._outcome = _html(), _html(), _html()
        self._yes = _button("Yes", self._on_yes, "sure")
        self._back = _button("Back", self._on_back)
        self._form = pn.Column(
            self._subject, self._choice, self._words, self._reason, self._wrong, self._review,
            visible=False, sizing_mode=_WIDE, margin=(10, 0, 0, 0), max_width=640,
        )  # fmt: skip
        self._confirm = pn.Column(
            self._said,
            pn.FlexBox(self._yes, self._back, gap="8px", margin=(8, 0, 0, 0)),
            visible=False,
            sizing_mode=_WIDE,
            margin=(12, 0, 0, 0),
        )
        self._acting = (self._buttons, self._form, self._confirm, self._outcome)
        self._act = pn.Column(self._act_title, sizing_mode=_WIDE, margin=(12, 0, 0, 0), styles=_CARD, visible=False)

    def view(self) -> pn.Column:
        """All of it; refreshed from now on."""
        self.refresh()
        inner = pn.Column(self._numbers, self._act, self._body, sizing_mode=_WIDE, margin=0, styles=_INNER)
        pn.state.add_periodic_callback(self.refresh, period=REFRESH_MS)
        return pn.Column(self._top, inner, self._beat, sizing_mode=_WIDE, margin=0)

    def refresh(self) -> None:
        """Show what is new. Nothing but text is sent, and only where it changed."""
        self._beats += 1
        self._beat.object = str(self._beats)  # beat.js sees by it that the page is alive
        visitor = self._logins.visitor(self._session)
        if visitor is None:
            self._leave()
            return
        seen = self._watch.seen
        kind = seen.state.kind if seen.state is not None else self._kind
        _set(self._top, markup.bar(kind, markup.headline(seen), f"{visitor.person} ({visitor.login})"))
        notices = markup.notices(seen)
        self._offer(visitor)
        if seen.board is not None:
            _set(self._numbers, markup.numbers(seen.board) + notices)
            _set(self._body, markup.tables(seen.board))
            self._choose_from(seen.board)
        else:
            _set(self._numbers, notices)

    # ---- what is offered

    def _offer(self, visitor: Visitor) -> None:
        if visitor.roles == self._roles:
            return
        self._roles = visitor.roles
        actions = offered(visitor.roles)
        self._back_to_start()
        _set(self._act_title, "" if actions else VIEWER)
        self._act.objects = [self._act_title, *(self._acting if actions else ())]
        self._buttons.objects = [
            _button(action.label, partial(self._on_pick, action), "stop" if action.group == "stop" else "")
            for group in GROUPS
            for action in actions
            if action.group == group
        ]
        self._act.visible = True

    def _choose_from(self, board: Board) -> None:
        """The subjects as they are now; what was chosen stays chosen as long as it is there."""
        if self._picked is None or self._confirm.visible:
            return
        subjects = self._picked.subjects(board)
        options = {CHOOSE: "", **{words: value for value, words in subjects.items()}}
        if options != self._subject.options:
            chosen = self._subject.value
            self._subject.options = options
            self._subject.value = chosen if chosen in options.values() else ""
        if self._review.disabled is bool(subjects):
            self._review.disabled = not subjects
            _set(self._wrong, "" if subjects else NOTHING)

    def _leave(self) -> None:
        self._roles = None
        self._back_to_start()
        self._act.visible, self._act.objects = False, [self._act_title]
        _set(self._top, markup.bar(self._kind, "logged out"))
        _set(self._numbers, OVER)
        _set(self._body, "")

    # ---- what is clicked

    def _on_pick(self, action: Action, _: object) -> None:
        self._back_to_start()
        self._picked = action
        self._subject.label, self._subject.options = action.label, {}
        self._choice.visible, self._words.visible = bool(action.answers), bool(action.asks and not action.answers)
        self._choice.label = self._words.label = action.asks
        self._choice.options = {words: value for value, words in action.answers.items()}
        for button in self._buttons.objects:
            chosen = [name for name in button.css_classes if name != "picked"]
            button.css_classes = [*chosen, "picked"] if button.label == action.label else chosen
        self._form.visible = True
        if self._watch.seen.board is not None:
            self._choose_from(self._watch.seen.board)

    def _on_review(self, _: object) -> None:
        board, action, visitor = self._watch.seen.board, self._picked, self._logins.visitor(self._session)
        if board is None or action is None or visitor is None:
            return
        answer = self._choice.value if action.answers else self._words.value if action.asks else ""
        deed = Deed(
            action=action.name, subject=self._subject.value or "", reason=self._reason.value.strip(),
            answer=(answer or "").strip(),
        )  # fmt: skip
        if wrong := wrong_with(deed, board):
            _set(self._wrong, f'<div class="note odd">{escape(wrong)}</div>')
            return
        self._reviewed = deed
        lines = action.means(deed, board)
        _set(self._said, markup.confirmation(action.label, lines, deed.reason, f"login:{visitor.login}"))
        self._yes.label = f"Yes, {action.label.removeprefix('… then ').lower()}"
        self._form.visible, self._confirm.visible = False, True

    def _on_back(self, _: object) -> None:
        self._reviewed = None
        self._form.visible, self._confirm.visible = True, False

    async def _on_yes(self, _: object) -> None:
        """Only what was reviewed, once, and for whoever is logged in now."""
        deed, self._reviewed = self._reviewed, None
        board, visitor = self._watch.seen.board, self._logins.visitor(self._session)
        if deed is None or board is None or visitor is None:
            return
        self._back_to_start()
        label = ACTIONS[deed.action].label
        _set(self._outcome, f'<div class="note odd" role="status">{escape(label)}: asked, waiting for proof …</div>')
        told: Told = await asyncio.to_thread(timed, partial(self._doing.do, deed, board, visitor))
        _set(self._outcome, markup.told(told))
        self._watch.wake()

    def _back_to_start(self) -> None:
        self._picked = self._reviewed = None
        self._form.visible = self._confirm.visible = False
        self._reason.value = self._words.value = ""
        _set(self._wrong, "")
        for button in self._buttons.objects:
            button.css_classes = [name for name in button.css_classes if name != "picked"]


_CARD: Final = {
    "background": "var(--card)", "border": "1px solid var(--line)", "border-radius": "8px", "padding": "11px 13px",
}  # fmt: skip
_INNER: Final = {"width": "100%", "max-width": "1320px", "margin": "0 auto", "padding": "0 14px"}


def _html(text: str = "") -> Any:
    return pn.pane.HTML(text, sizing_mode=_WIDE, margin=0, stylesheets=[markup.STYLE], sanitize_html=False)


def _set(pane: Any, text: str) -> None:
    if pane.object != text:
        pane.object = text


def _styled(widget: Any) -> Any:
    widget.stylesheets = [_WIDGETS]
    widget.sizing_mode = _WIDE
    widget.margin = (0, 0, 8, 0)
    return widget


def _button(label: str, clicked: Any, how: str = "") -> Any:
    classes = [how] if how else []
    button = pn.widgets.Button(label=label, stylesheets=[_WIDGETS], css_classes=classes, margin=0)
    button.on_click(clicked)
    return button
