"""The app with the buttons: a page of its own port and login, a client like any other; it decides nothing."""
