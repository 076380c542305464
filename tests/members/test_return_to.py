import pytest

from jiuwu.members.return_to import OriginMalformed, ReturnOrigins, ReturnRefused, with_ticket

ORIGINS = ReturnOrigins("https://shop.example.com, http://127.0.0.1:8080,https://m.example.com:8443/")

ALLOWED = {
    "https://shop.example.com/cart": "https://shop.example.com/cart",
    "https://shop.example.com": "https://shop.example.com/",
    "https://shop.example.com?from=login": "https://shop.example.com/?from=login",
    "https://shop.example.com:443/": "https://shop.example.com/",
    "HTTPS://SHOP.EXAMPLE.COM/Cart": "https://shop.example.com/Cart",
    "https://shop.example.com/a?b=1&c=%E4%B9%9D#top": "https://shop.example.com/a?b=1&c=%E4%B9%9D",
    "https://shop.example.com//evil.example/": "https://shop.example.com//evil.example/",
    "https://shop.example.com/?next=https://evil.example/": "https://shop.example.com/?next=https://evil.example/",
    "http://127.0.0.1:8080/": "http://127.0.0.1:8080/",
    "https://m.example.com:8443/x": "https://m.example.com:8443/x",
    "https://shop.example.com/" + "a" * 1975: "https://shop.example.com/" + "a" * 1975,
}

REFUSED = [
    "",
    "/cart",
    "cart",
    "//shop.example.com/",
    "//evil.example/",
    "///shop.example.com/",
    "https:shop.example.com/",
    "https:/shop.example.com/",
    "https:///shop.example.com/",
    "https://",
    "https://evil.example/",
    "https://shop.example.com.evil.example/",
    "https://evilshop.example.com/",
    "https://shop.example.com./",
    "http://shop.example.com/",
    "ftp://shop.example.com/",
    "javascript:alert(1)//https://shop.example.com/",
    "data:text/html,x",
    "https://shop.example.com:444/",
    "https://shop.example.com:/",
    "https://shop.example.com:99999/",
    "https://shop.example.com:４４３/",
    "http://127.0.0.1/",
    "http://127.0.0.1:8081/",
    "http://localhost:8080/",
    "https://user@shop.example.com/",
    "https://shop.example.com@evil.example/",
    "https://shop.example.com:x@evil.example/",
    "https://shop.example.com%40evil.example/",
    "https://shop.example.com%2eevil.example/",
    "https://shop.example.com\\@evil.example/",
    "https://shop.example.com\\.evil.example/",
    "https:\\\\shop.example.com\\",
    "https://evil.example\\@shop.example.com/",
    "https://evil.example#@shop.example.com/",
    "https://evil.example?@shop.example.com/",
    " https://shop.example.com/",
    "https://shop.example.com/ ",
    "https://shop.example.com/a b",
    "https://shop.example.com/\r\nSet-Cookie: a=b",
    "https://shop\t.example.com/",
    "https://shop.example.com/\x00",
    "https://shop。example。com/",
    "https://ｓhop.example.com/",
    "https://shop.example.com／evil",
    "https://shop.exаmple.com/",
    "https://shop.example.com/九",
    "https://shop.example.com/\u202e",
    "https://[::1/",
    "https://[shop.example.com]/",
    "https://shop.example.com/" + "a" * 1976,
    "https://shop.example.com/<script>",
    'https://shop.example.com/"onclick="',
]


@pytest.mark.parametrize(("url", "expected"), ALLOWED.items())
def test_a_page_of_an_allowed_origin_is_given_back_in_our_spelling(url: str, expected: str) -> None:
    assert expected == ORIGINS.check(url)


@pytest.mark.parametrize("url", REFUSED)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ReturnRefused):
        ORIGINS.check(url)


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        ("", "RETURN_ORIGINS is empty"),
        (" , ", "RETURN_ORIGINS is empty"),
        ("https://a.example,shop.example.com", "entry 2"),
        ("http://shop.example.com", "entry 1"),
        ("https://shop.example.com/cart", "entry 1"),
        ("https://shop.example.com?x", "entry 1"),
        ("https://user:pass@shop.example.com", "entry 1"),
        ("https://*.example.com", "entry 1"),
        ("*", "entry 1"),
    ],
)
def test_a_list_of_origins_that_is_none_names_its_entry_and_shows_nothing(listed: str, named: str) -> None:
    with pytest.raises(OriginMalformed, match=named) as malformed:
        ReturnOrigins(listed)
    assert "pass" not in str(malformed.value)


def test_home_is_the_first_origins_front_page() -> None:
    assert "https://shop.example.com/" == ORIGINS.home


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("https://a.example/", "https://a.example/?ticket=T"),
        ("https://a.example/?b=1&c=%20", "https://a.example/?b=1&c=%20&ticket=T"),
        ("https://a.example/?ticket=old&b=1&ticket=older", "https://a.example/?b=1&ticket=T"),
        ("https://a.example/?a=b?c=d", "https://a.example/?a=b?c=d&ticket=T"),
        # a name is read decoded, so another spelling of it would be found before ours
        ("https://a.example/?%74icket=theirs&b=1", "https://a.example/?b=1&ticket=T"),
        ("https://a.example/?b=1&tick%65t", "https://a.example/?b=1&ticket=T"),
    ],
)
def test_a_ticket_joins_the_query_and_is_alone_of_its_name(page: str, expected: str) -> None:
    assert expected == with_ticket(page, "T")
