import pytest

from jiuwu.aws import settings

GLOBALS = {
    "JIUWU_PROFILE": "jiuwu",
    "PLATFORM_URL": "http://127.0.0.1:9",
    "APP_ID": "app",
    "APP_SECRET_NAME": "jiuwu/app-secret",
}


class Example(settings.Settings, frozen=True, kw_only=True):
    orders_table: str
    payment_check_seconds: int = 180


def test_every_variable_lands_in_its_field() -> None:
    loaded = settings.load(Example, GLOBALS | {"ORDERS_TABLE": "orders", "PAYMENT_CHECK_SECONDS": "5"})
    assert (loaded.app_id, loaded.orders_table, loaded.payment_check_seconds) == ("app", "orders", 5)


@pytest.mark.parametrize("environ", [GLOBALS, GLOBALS | {"ORDERS_TABLE": ""}])
def test_a_missing_variable_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(settings.SettingsError, match="ORDERS_TABLE is not set"):
        settings.load(Example, environ)


def test_a_malformed_variable_is_named_and_its_value_is_not_shown() -> None:
    environ = GLOBALS | {"ORDERS_TABLE": "orders", "PAYMENT_CHECK_SECONDS": "s3cret"}
    with pytest.raises(settings.SettingsError, match="PAYMENT_CHECK_SECONDS is malformed; expected int") as refused:
        settings.load(Example, environ)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("url", ["openapi.example.com", "https://", "https://u:s3cret@host", "https://host/?a=s3cret"])
def test_a_platform_url_that_is_none_is_refused_at_start(url: str) -> None:
    environ = GLOBALS | {"ORDERS_TABLE": "orders", "PLATFORM_URL": url}
    with pytest.raises(settings.SettingsError, match=r"PLATFORM_URL is malformed; expected http") as refused:
        settings.load(Example, environ)
    assert "s3cret" not in str(refused.value)
