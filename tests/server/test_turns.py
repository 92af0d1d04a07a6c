"""Turns: one page has one run of a kind at a time."""

from __future__ import annotations

from nst_core.server.turns import MOST_TURNS, Turns


def test_a_turn_is_taken_once_until_it_is_given_back() -> None:
    turns = Turns()
    assert turns.take("page", "picture")
    assert not turns.take("page", "picture")
    turns.give_back("page", "picture")
    assert turns.take("page", "picture")


def test_other_pages_and_other_kinds_have_turns_of_their_own() -> None:
    turns = Turns()
    assert turns.take("page", "picture")
    assert turns.take("other page", "picture")
    assert turns.take("page", "sweep")


def test_a_run_begins_once_and_only_with_a_turn() -> None:
    turns = Turns()
    assert turns.begin("page", "picture") is None
    turns.take("page", "picture")
    turn = turns.begin("page", "picture")
    assert turn is not None
    assert turns.begin("page", "picture") is None
    assert not turns.take("page", "picture")
    turns.end("page", "picture", turn)
    assert turns.take("page", "picture")


def test_a_run_that_ends_late_leaves_the_next_turn_alone() -> None:
    turns = Turns()
    turns.take("page", "picture")
    first = turns.begin("page", "picture")
    assert first is not None
    turns.give_back("page", "picture")  # cancelled, while its last step computes
    assert turns.take("page", "picture")
    turns.end("page", "picture", first)
    assert turns.is_taken("page", "picture")


def test_a_failure_gives_a_waiting_turn_back_and_not_one_that_has_begun() -> None:
    turns = Turns()
    turns.take("page", "picture")
    turns.give_back("page", "picture", waiting_only=True)
    assert not turns.is_taken("page", "picture")
    turns.take("page", "picture")
    turns.begin("page", "picture")
    turns.give_back("page", "picture", waiting_only=True)
    assert turns.is_taken("page", "picture")


def test_a_closed_page_leaves_no_turns() -> None:
    turns = Turns()
    turns.take("page", "picture")
    turns.take("page", "sweep")
    turns.take("other page", "sweep")
    turns.leave("page")
    assert turns.take("page", "picture")
    assert turns.take("page", "sweep")
    assert not turns.take("other page", "sweep")


def test_turns_that_are_only_taken_do_not_fill_the_memory() -> None:
    turns = Turns()
    for number in range(MOST_TURNS + 1):
        turns.take(f"page {number}", "picture")
    assert turns.take("page 0", "picture")  # forgotten
    assert not turns.take(f"page {MOST_TURNS}", "picture")
