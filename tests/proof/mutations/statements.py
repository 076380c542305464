"""The safeguards of the daily statement and of `jiuwu reconcile`."""

from tests.proof.mutations.safeguard import Safeguard

_CLI = "jiuwu_cli"

STATEMENTS = (
    Safeguard(
        "a statement's task is kept on the version that was read",
        3,
        "layers/jiuwu/jiuwu/statements/runs.py",
        '"version = :read", read',
        '"version < :read OR version >= :read", read',
        ("tests/statements/test_runs.py::test_of_two_copies_that_read_the_same_the_second_to_write_gives_up",),
    ),
    Safeguard(
        "a statement's report is one task's to write",
        3,
        "layers/jiuwu/jiuwu/statements/runs.py",
        "AND finished = :no AND (attribute_not_exists(closed_by) OR closed_by = :by)",
        "AND (finished = :no OR attribute_not_exists(closed_by) OR closed_by <> :by)",
        ("tests/statements/test_runs.py::test_the_report_is_the_first_ones_to_write_until_it_is_written",),
    ),
    Safeguard(
        "a statement's tasks of an older run are dropped",
        3,
        "functions/daily_statement/app.py",
        "if run is None or run.run != task.run or run.finished:",
        "if run is None:",
        ("tests/functions/test_daily_statement.py::test_a_task_that_never_comes_back_is_named_by_the_watch",),
    ),
    Safeguard(
        "a statement names tasks that never ended",
        3,
        "layers/jiuwu/jiuwu/statements/runs.py",
        'problems=() if progress.done else (f"{task}: not finished",)',
        "problems=()",
        (
            "tests/statements/test_runs.py::test_the_whole_is_the_sum_of_its_tasks_and_names_those_not_done",
            "tests/functions/test_daily_statement.py::test_a_task_that_never_comes_back_is_named_by_the_watch",
        ),
    ),
    Safeguard(
        "a statement with an order that could not be read is incomplete",
        3,
        "layers/jiuwu/jiuwu/statements/totals.py",
        "return not self.uncompared and not self.problems",
        "return True",
        (
            "tests/statements/test_totals.py::test_orders_that_could_not_be_read_make_a_statement_incomplete",
            "tests/functions/test_daily_statement.py::test_an_order_that_cannot_be_read_makes_the_statement_incomplete_and_holds_up_no_other",
            "tests/functions/test_daily_statement.py::test_a_platform_that_stays_down_ends_in_a_statement_that_says_so",
        ),
    ),
    Safeguard(
        "money that only we know of is excused for a fixed time",
        3,
        "layers/jiuwu/jiuwu/statements/totals.py",
        "transient = [finding for finding in young if finding not in overdue]",
        "passing = young",
        (
            "tests/statements/test_totals.py::test_money_that_is_here_and_not_there_is_a_difference_after_a_fixed_age_whatever_effects_do",
        ),
    ),
    Safeguard(
        "a statement excuses no other amount by its age",
        3,
        "layers/jiuwu/jiuwu/statements/totals.py",
        "if age < fresh_seconds and finding.class_ in _PASSES]",
        "if age < fresh_seconds]",
        ("tests/statements/test_totals.py::test_no_change_of_this_moment_explains_another_amount",),
    ),
    Safeguard(
        "a statement passes over nothing that differs",
        3,
        "layers/jiuwu/jiuwu/statements/totals.py",
        "if _agree(here, there) or never_placed or _on_its_way(local, decision):",
        "if True:",
        ("tests/statements/test_totals.py::test_an_order_held_for_a_person_differs_though_the_amounts_agree_by_now",),
    ),
    Safeguard(
        "a statement's cell is no formula",
        5,
        "layers/jiuwu/jiuwu/statements/spreadsheets.py",
        "if plain.startswith(_FORMULA) or text.startswith(_FORMULA):",
        "if False:",
        ("tests/statements/test_report.py::test_a_cell_that_would_be_a_formula_is_text",),
    ),
    Safeguard(
        "an order number in a statement survives a spreadsheet",
        3,
        "layers/jiuwu/jiuwu/statements/report.py",
        "isinstance(value, str) and is_rewritten(value) else value",
        'isinstance(value, str) and value.startswith("=") else value',
        (
            "tests/statements/test_report.py::test_ids_of_a_difference_survive_a_spreadsheet_and_amounts_and_days_stay_what_they_are",
        ),
    ),
    Safeguard(
        "a statement's part fits an item however long its lines are",
        3,
        "layers/jiuwu/jiuwu/statements/totals.py",
        "        if size <= room:",
        "        if size:",
        ("tests/statements/test_runs.py::test_progress_with_as_many_and_as_long_lines_as_there_can_be_fits_an_item",),
        ends_in="botocore.exceptions.ClientError: An error occurred (ValidationException)",
    ),
    Safeguard(
        "a statement's day is Shanghai's",
        3,
        "layers/jiuwu/jiuwu/orders/business_day.py",
        "timedelta(hours=8)",
        "timedelta(hours=0)",
        ("tests/orders/test_business_day.py::test_a_day_begins_at_sixteen_hours_utc_of_the_day_before",),
    ),
    Safeguard(
        "verifying a statement cannot write",
        3,
        f"{_CLI}/deployment/read_only.py",
        "if model.name not in _READ_OPERATIONS:",
        'if model.name == "DeleteTable":',
        (
            "tests/cli/commands/test_reconcile.py::test_a_reading_table_cannot_be_written",
            "tests/cli/commands/test_reconcile.py::test_a_reading_client_refuses_every_call_that_is_not_known_to_read",
        ),
    ),
    Safeguard(
        "repairing a statement asks first",
        3,
        f"{_CLI}/commands/reconcile.py",
        "if not yes and not _is_confirmed(len(repairable)):",
        "if yes and not _is_confirmed(len(repairable)):",
        ("tests/cli/commands/test_reconcile.py::test_without_yes_it_is_a_dry_run",),
    ),
    Safeguard(
        "repairing a statement stops at the limit",
        3,
        f"{_CLI}/commands/reconcile.py",
        "if plan.steps][:limit]",
        "if plan.steps]",
        ("tests/cli/commands/test_reconcile.py::test_the_limit_bounds_what_is_repaired",),
    ),
    Safeguard(
        "a statement that could not be made is no agreement",
        3,
        f"{_CLI}/commands/reconcile.py",
        "return 0 if tally.complete else _UNKNOWN",
        "return 0",
        (
            "tests/cli/commands/test_reconcile.py::test_a_platform_that_does_not_answer_is_exit_code_2_and_never_agreement",
        ),
    ),
    Safeguard(
        "a repair whose end could not be counted is no drift",
        3,
        f"{_CLI}/commands/reconcile.py",
        "        problem.exit_code = _UNKNOWN\n        raise problem",
        "        raise problem",
        (
            "tests/cli/commands/test_reconcile.py::test_a_platform_that_does_not_answer_the_count_after_a_repair_is_exit_code_2_on_one_line",
        ),
    ),
)
