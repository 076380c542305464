"""The safeguards of the catalogue."""

from tests.proof.mutations.safeguard import Safeguard

_CATALOGUE = "tests/catalogue/test_sync.py"

PRODUCTS = (
    Safeguard(
        "a product counts as pushed only while its row says what was pushed",
        3,
        "layers/jiuwu/jiuwu/catalogue/repository.py",
        '"title = :title AND price_fen = :price_fen AND on_shelf = :on_shelf"',
        '"title <> :hash OR title = :title OR price_fen = :price_fen OR on_shelf = :on_shelf"',
        (
            f"{_CATALOGUE}::test_an_edit_during_the_push_is_pushed_after_it",
            "tests/catalogue/test_sync.py::test_a_push_that_comes_after_another_runs_newer_one_is_made_good",
        ),
    ),
    Safeguard(
        "a refused product is not pushed again until it changes",
        3,
        "layers/jiuwu/jiuwu/catalogue/sync.py",
        "if product.changed or (retry_refused and product.refused):",
        "if product.changed or product.refused:",
        ("tests/catalogue/test_sync.py::test_a_refused_product_says_why_and_is_not_pushed_again_until_it_changes",),
    ),
    Safeguard(
        "a product that the platform shows otherwise is not pushed for ever",
        3,
        "layers/jiuwu/jiuwu/catalogue/sync.py",
        "return _otherwise(differs) if (differs := compare(product, taken)) else _Answer(Outcome.PUSHED)",
        "return _Answer(Outcome.PUSHED)",
        (
            "tests/catalogue/test_sync.py::"
            "test_a_product_that_the_platform_takes_and_shows_otherwise_is_reported_and_not_pushed_for_ever",
        ),
    ),
    Safeguard(
        "a price that differs at the platform is found",
        3,
        "layers/jiuwu/jiuwu/catalogue/sync.py",
        '"price": local.price_fen != remote.price_fen,',
        '"price": False,',
        (
            "tests/catalogue/test_sync.py::test_on_the_shelf_everything_counts",
            "tests/catalogue/test_sync.py::test_what_differs_at_the_platform_is_repaired",
            "tests/functions/test_product_sync.py::test_drift_at_the_platform_is_repaired_when_its_time_has_come",
        ),
    ),
    Safeguard(
        "what the platform says of a refused product stays out of the log",
        5,
        "layers/jiuwu/jiuwu/catalogue/sync.py",
        "verdict = _Answer(Outcome.REFUSED, reason(refused), explanation(refused))",
        "verdict = _Answer(Outcome.REFUSED, explanation(refused), explanation(refused))",
        (
            "tests/functions/test_product_sync.py::test_a_refused_product_says_why_in_its_row_and_rings_until_it_is_changed",
        ),
    ),
    Safeguard(
        "a platform that is down is left alone by the catalogue",
        3,
        "layers/jiuwu/jiuwu/catalogue/full_sync.py",
        "if self._failed_in_a_row == _IN_A_ROW:",
        "if self._failed_in_a_row == -1:",
        ("tests/functions/test_product_sync.py::test_a_platform_that_is_down_is_left_alone_until_the_next_run",),
    ),
    Safeguard(
        "a pass over the catalogue keeps its place",
        3,
        "layers/jiuwu/jiuwu/catalogue/full_sync.py",
        "                save(following)\n",
        "                pass\n",
        ("tests/functions/test_product_sync.py::test_a_run_that_is_cut_off_goes_on_where_it_was",),
    ),
    Safeguard(
        "a pass that is asked for keeps its own place",
        3,
        "functions/product_sync/app.py",
        "request.after, lambda _: None, retry_refused",
        "dependencies.bookmark.place(), lambda _: None, retry_refused",
        (
            "tests/functions/test_product_sync.py::test_a_pass_that_is_asked_for_skips_nothing_while_the_schedules_pass_goes_on",
        ),
    ),
    Safeguard(
        "what changed at the platform is compared within the hour",
        3,
        "layers/jiuwu/jiuwu/catalogue/full_sync.py",
        "else self._clock() - self._check_seconds",
        "else self._clock() - 86_400",
        ("tests/catalogue/test_full_sync_hours.py::test_what_changed_at_the_platform_is_compared_within_the_hour",),
    ),
    Safeguard(
        "one wrong line keeps a whole price list out",
        6,
        "jiuwu_cli/products/price_file.py",
        "    if wrong:\n",
        "    if not found:\n",
        ("tests/cli/commands/test_products.py::test_one_wrong_line_keeps_all_others_out",),
    ),
    Safeguard(
        "an id that a spreadsheet rewrote is no new product",
        6,
        "jiuwu_cli/products/price_list.py",
        "if product_id and not trust_ids and (doubt := ids.describe_doubt(product_id)):",
        'if product_id and (doubt := ""):',
        (
            "tests/cli/commands/test_products.py::test_an_id_that_a_spreadsheet_rewrote_is_refused_unless_it_stands_in_the_table",
        ),
    ),
    Safeguard(
        "an id that lost its zeros is told from the one that has them",
        6,
        "jiuwu_cli/products/spreadsheet_ids.py",
        "if len(one) > len(product_id)",
        "if one == product_id",
        ("tests/cli/products/test_spreadsheet_ids.py::test_the_id_that_was_meant_is_named",),
    ),
    Safeguard(
        "a price that moves by more than half is asked about",
        6,
        "jiuwu_cli/products/large_changes.py",
        "abs(new - old) * 100 > old * _MOST_PERCENT",
        "new - old > 10**9",
        ("tests/cli/commands/test_products.py::test_a_price_that_moves_by_more_than_half_is_asked_about",),
    ),
    Safeguard(
        "more than a fifth of the products is asked about",
        6,
        "jiuwu_cli/products/large_changes.py",
        "if self.changed * _MOST_PART > self.products:",
        "if self.changed > self.products:",
        (
            "tests/cli/commands/test_products.py::test_more_than_a_fifth_of_the_products_changed_is_asked_about_at_the_terminal",
        ),
    ),
)
