"""What is given up is kept, once, and harmless when it is sent again."""

from tests.proof.mutations.safeguard import Safeguard

LETTERS = (
    Safeguard(
        "a quarantined notification is acknowledged only once its queue took it",
        1,
        "functions/webhook_intake/app.py",
        "        _quarantine(dependencies, unreadable, body, now)\n",
        "",
        (
            "tests/functions/test_webhook_intake.py::test_quarantined_without_its_queue_is_not_acknowledged",
            "tests/functions/test_webhook_intake.py::test_signed_junk_is_kept_byte_by_byte_with_its_reason_and_then_acknowledged",
        ),
        ends_in="ValueError",
    ),
    Safeguard(
        "a message that cannot be kept stays in its queue",
        1,
        "functions/dead_letter_keeper/app.py",
        "        return False\n",
        "        return True\n",
        ("tests/functions/test_dead_letter_keeper.py::test_what_cannot_be_kept_stays_in_its_queue_and_is_not_counted",),
    ),
    Safeguard(
        "a letter is written on the version that was read",
        1,
        "layers/jiuwu/jiuwu/dead_letters/repository.py",
        '"version = :version"',
        '"version >= :version"',
        ("tests/functions/test_dead_letter_keeper.py::test_a_failure_kept_between_reading_and_writing_is_not_lost",),
    ),
    Safeguard(
        "another body under the same event id is another letter",
        1,
        "layers/jiuwu/jiuwu/dead_letters/dead_letter.py",
        "{hashlib.sha256(message.body).hexdigest()}",
        "",
        ("tests/dead_letters/test_dead_letter.py::test_another_body_under_the_same_event_id_is_another_letter",),
    ),
    Safeguard(
        "a failure that comes twice counts once",
        2,
        "layers/jiuwu/jiuwu/dead_letters/dead_letter.py",
        "if message.message_id in letter.messages:",
        "if message.message_id == 0:",
        ("tests/functions/test_dead_letter_keeper.py::test_a_message_delivered_again_changes_nothing",),
    ),
    Safeguard(
        "an amount is part of an event's proof",
        2,
        "layers/jiuwu/jiuwu/intake/parser.py",
        '    "amount_fen",\n',
        "",
        ("tests/intake/test_parser.py::test_another_amount_or_time_of_money_is_another_digest",),
    ),
    Safeguard(
        "an effect that was done since it was given up is not done again",
        2,
        "jiuwu_cli/dead_letters/redrive.py",
        "if effect is not None and effect.done_at:",
        "if effect is None:",
        ("tests/cli/commands/test_dead_letters.py::test_an_effect_that_was_done_since_is_left_alone",),
    ),
    Safeguard(
        "letters are sent only when a person says yes",
        2,
        "jiuwu_cli/commands/dead_letters.py",
        "if ids and not (yes or dry_run):",
        "if ids and yes:",
        (
            "tests/cli/commands/test_dead_letters.py::test_many_are_sent_only_when_a_person_says_yes",
            "tests/cli/commands/test_dead_letters.py::test_one_is_sent_only_when_a_person_says_yes",
        ),
    ),
    Safeguard(
        "calls are held back only when a person says yes",
        2,
        "jiuwu_cli/commands/circuit.py",
        '_force("open", lane, address, stack_name, ask=not yes)',
        '_force("open", lane, address, stack_name)',
        ("tests/cli/commands/test_circuit.py::test_calls_are_held_back_only_when_a_person_says_yes",),
    ),
    Safeguard(
        "a kept notification has no signature",
        5,
        "layers/jiuwu/jiuwu/platform/notifications.py",
        "    del named_headers[names.signature]\n",
        "",
        ("tests/functions/test_webhook_intake.py::test_a_notification_is_acknowledged_after_the_queue_took_it",),
    ),
)
