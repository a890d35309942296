"""Newest wins: latency cannot grow with a queue, because there is none."""

import threading

from ml_integration.ros.inference.mailbox import Mailbox


def test_the_newest_message_wins_and_the_displaced_one_is_reported() -> None:
    mailbox = Mailbox()
    assert mailbox.put('old', 1) is False
    assert mailbox.put('new', 2) is True
    (letter,) = mailbox.take()
    assert (letter.message, letter.sequence, letter.arrived_ns) == ('new', 1, 2)


def test_a_taken_message_is_not_displaced() -> None:
    mailbox = Mailbox()
    mailbox.put('first', 1)
    mailbox.take()
    assert mailbox.put('second', 2) is False


def test_taking_waits_for_a_message() -> None:
    mailbox = Mailbox()
    taken = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()))
    thread.start()
    mailbox.put('late', 1)
    thread.join(timeout=10)
    assert [letter.message for letter in taken[0]] == ['late']


def test_closing_releases_a_waiting_worker() -> None:
    mailbox = Mailbox()
    taken = []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()))
    thread.start()
    mailbox.close()
    thread.join(timeout=10)
    assert taken == [[]]


def test_a_closed_mailbox_hands_out_nothing() -> None:
    mailbox = Mailbox()
    mailbox.put('unread', 1)
    mailbox.close()
    assert mailbox.take() == []
