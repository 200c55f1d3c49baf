"""The desk's home under the name that the programs use; how it is found stands in `toolkit.client.home`."""

from toolkit.client.home import CONFIG_FILES, PROJECT, Home, find_home, is_home

__all__ = ["CONFIG_FILES", "PROJECT", "Home", "find_home", "is_home"]
