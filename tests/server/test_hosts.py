"""Hosts: the names that a server answers to, and the proxies that it believes."""

from __future__ import annotations

from typing import Any

import pytest

from nst_core.server.hosts import LOCAL, PROXIES, hosts_of, trust_proxies


@pytest.mark.parametrize(
    ("launch", "environment"),
    [
        ({}, {}),
        ({"server_name": "127.0.0.1", "share": False}, {}),
        ({"server_name": "::1"}, {}),
        ({"server_name": "[::1]", "share": None}, {"GRADIO_SHARE": "False"}),
        ({}, {"GRADIO_SERVER_NAME": "localhost"}),
    ],
)
def test_a_server_on_the_machine_itself_answers_to_its_names_alone(
    launch: dict[str, Any], environment: dict[str, str]
) -> None:
    assert set(LOCAL) <= set(hosts_of(launch, environment)) <= {*LOCAL, "::1"}


@pytest.mark.parametrize(
    ("launch", "environment"),
    [
        ({"server_name": "0.0.0.0"}, {}),
        ({"share": True}, {}),
        ({"share": None}, {"GRADIO_SHARE": "true"}),
        ({}, {"GRADIO_SERVER_NAME": "0.0.0.0"}),
        ({"server_name": "my.example"}, {}),
    ],
)
def test_a_server_that_others_reach_answers_to_any_name(
    launch: dict[str, Any], environment: dict[str, str]
) -> None:
    assert hosts_of(launch, environment) == ["*"]


def test_an_operator_names_hosts() -> None:
    found = hosts_of({}, {"NST_HOSTS": "example.org, *.example.org"})
    assert found[-2:] == ["example.org", "*.example.org"]
    assert "*" not in hosts_of({"server_name": "0.0.0.0"}, {"NST_HOSTS": "example.org"})


def test_on_a_space_its_proxies_are_believed() -> None:
    elsewhere: dict[str, str] = {}
    trust_proxies(elsewhere)
    assert elsewhere == {}
    space = {"SPACE_ID": "user/space"}
    trust_proxies(space)
    assert "10.0.0.0/8" in space[PROXIES]
    own = {"SPACE_ID": "user/space", PROXIES: "*"}
    trust_proxies(own)
    assert own[PROXIES] == "*"
