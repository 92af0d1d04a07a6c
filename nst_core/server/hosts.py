"""The names that a server answers to, and the proxies that it believes.

A server on one's own machine is not open to the world, but web pages are: one whose name leads to
127.0.0.1 could read and use it through the browser of whoever opens the page. So a server that
listens on the machine itself answers to the machine's own names alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any

LOCAL = ("localhost", "127.0.0.1", "[::1]")
# Further names, such as those of a proxy on the same machine: "example.org,*.example.org".
HOSTS = "NST_HOSTS"
# Addresses of proxies whose `X-Forwarded-For` is believed; uvicorn reads this variable.
PROXIES = "FORWARDED_ALLOW_IPS"
# A Space is reached through the Hub's proxies alone, which have addresses of their own network.
PROXIES_OF_A_SPACE = "127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10"


def hosts_of(launch: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> list[str]:
    """The names that a server answers to, as `TrustedHostMiddleware` takes them.

    Args:
        launch: arguments of `Blocks.launch`; Gradio's own variables count where they are left out.
    """
    name = str(launch.get("server_name") or environment.get("GRADIO_SERVER_NAME") or LOCAL[0])
    share = launch.get("share")
    if share is None:
        share = environment.get("GRADIO_SHARE", "").lower() in ("1", "true")
    named = [each.strip() for each in environment.get(HOSTS, "").split(",") if each.strip()]
    if not named and (share or not _is_local(name)):
        return ["*"]
    return [*LOCAL, name, *named]


def _is_local(name: str) -> bool:
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == LOCAL[0]


def trust_proxies(environment: MutableMapping[str, str] = os.environ) -> None:
    """On a Space, believe its proxies in what they tell of the visitors' addresses."""
    if environment.get("SPACE_ID"):
        environment.setdefault(PROXIES, PROXIES_OF_A_SPACE)
