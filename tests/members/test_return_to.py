import pytest

from jiuwu.members.return_to import OriginMalformed, ReturnOrigins, ReturnRefused, with_ticket

ORIGINS = ReturnOrigins("https://shop.example.com, http://127.0.0.1:8080,https://m.example.com:8443/")

ALLOWED = {
    "https://shop.example.com/cart": "https://shop.example.com/cart",
    "https://shop.example.com": "https://shop.example.com/",
    "https://shop.example.com?from=login": "https://shop.example.com/?from=login",
    "https://shop.example.com:443/": "https://shop.example.com/",
    "HTTPS://SHOP.EXAMPLE.COM/Cart": "https://shop.example.com/Cart",
    "https://shop.example.com/a?b=1&c=%E4%B9%9D#top": "https://shop.example.com/a?b=1&c=%E4%B9%9D#top",
    "https://shop.example.com/#/product/1": "https://shop.example.com/#/product/1",
    "https://shop.example.com#/product/1?from=a": "https://shop.example.com/#/product/1?from=a",
    "https://shop.example.com/?b=1#!/a": "https://shop.example.com/?b=1#!/a",
    "https://shop.example.com/#@evil.example/": "https://shop.example.com/#@evil.example/",
    "https://shop.example.com/九": "https://shop.example.com/%E4%B9%9D",
    "https://shop.example.com/商品?name=龙井#/九/1": "https://shop.example.com/%E5%95%86%E5%93%81"
    "?name=%E9%BE%99%E4%BA%95#/%E4%B9%9D/1",
    "https://shop.example.com/🍵?q=龙井\u3000茶": "https://shop.example.com/%F0%9F%8D%B5"
    "?q=%E9%BE%99%E4%BA%95%E3%80%80%E8%8C%B6",
    "https://shop.example.com/\U0001fae9": "https://shop.example.com/%F0%9F%AB%A9",
    "https://shop.example.com/?filter={a|b}": "https://shop.example.com/?filter=%7Ba%7Cb%7D",
    "https://shop.example.com//evil.example/": "https://shop.example.com//evil.example/",
    "https://shop.example.com/?next=https://evil.example/": "https://shop.example.com/?next=https://evil.example/",
    "http://127.0.0.1:8080/": "http://127.0.0.1:8080/",
    "https://m.example.com:8443/x": "https://m.example.com:8443/x",
    "https://shop.example.com/" + "a" * 1975: "https://shop.example.com/" + "a" * 1975,
}

IN_CHINESE = {
    "https://商城.example.com/龙井": "https://xn--czru2d.example.com/%E9%BE%99%E4%BA%95",
    "https://商城.Example.com?名=茶": "https://xn--czru2d.example.com/?%E5%90%8D=%E8%8C%B6",
    "https://商城.example.com#/九": "https://xn--czru2d.example.com/#/%E4%B9%9D",
    "https://XN--CZRU2D.example.com:443/": "https://xn--czru2d.example.com/",
}

FOREIGN = [
    "https://商店.example.com/",
    "https://商城.example.com:8443/",
    "https://shop.exаmple.com/",
    "https://evil.example/",
    "https://shop.example.com.evil.example/",
    "https://evilshop.example.com/",
    "https://shop.example.com./",
    "http://shop.example.com/",
    "https://shop.example.com:444/",
    "http://127.0.0.1/",
    "http://127.0.0.1:8081/",
    "http://localhost:8080/",
    "https://evil.example#@shop.example.com/",
    "https://evil.example?@shop.example.com/",
    "https://evil.example/九",
    "https://evil.example/#https://shop.example.com/",
]

MALFORMED = [
    "https://用户@shop.example.com/",
    "https://shop.example.com＠evil.example/",
    "https://shop.example.com／.evil.example/",
    "https://商城" + "城" * 63 + ".example.com/",
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
    "ftp://shop.example.com/",
    "javascript:alert(1)//https://shop.example.com/",
    "data:text/html,x",
    "https://shop.example.com:/",
    "https://shop.example.com:99999/",
    "https://shop.example.com:４４３/",
    "https://user@shop.example.com/",
    "https://shop.example.com@evil.example/",
    "https://shop.example.com:x@evil.example/",
    "https://shop.example.com%40evil.example/",
    "https://shop.example.com%2eevil.example/",
    "https://shop.example.com\\@evil.example/",
    "https://shop.example.com\\.evil.example/",
    "https:\\\\shop.example.com\\",
    "https://evil.example\\@shop.example.com/",
    " https://shop.example.com/",
    "https://shop.example.com/ ",
    "https://shop.example.com/a b",
    "https://shop.example.com/\r\nSet-Cookie: a=b",
    "https://shop\t.example.com/",
    "https://shop.example.com/\x00",
    "https://shop。example。com/",
    "https://ｓhop.example.com/",
    "https://shop.example.com／evil",
    "https://商城。example.com/",
    "https://shop.example.com/\u202e",
    "https://shop.example.com/a\u2066b",
    "https://shop.example.com/?q=\u200f",
    "https://shop.example.com/#\u061c",
    "https://shop.example.com/\u0085",
    "https://shop.example.com/\u2028",
    "https://shop.example.com/\ud83d",
    "https://shop.example.com/" + "九" * 220,
    "https://[::1/",
    "https://[shop.example.com]/",
    "https://shop.example.com/" + "a" * 1976,
    "https://shop.example.com/<script>",
    'https://shop.example.com/"onclick="',
]


@pytest.mark.parametrize(("url", "expected"), ALLOWED.items())
def test_a_page_of_an_allowed_origin_is_given_back_in_our_spelling(url: str, expected: str) -> None:
    assert expected == ORIGINS.check(url)


@pytest.mark.parametrize(("url", "expected"), IN_CHINESE.items())
def test_a_chinese_domain_name_is_read_as_browsers_write_it(url: str, expected: str) -> None:
    origins = ReturnOrigins("https://商城.example.com")
    assert expected == origins.check(url) == origins.check(expected)


@pytest.mark.parametrize("url", FOREIGN)
def test_a_page_of_another_origin_is_refused_as_such(url: str) -> None:
    with pytest.raises(ReturnRefused) as refused:
        ORIGINS.check(url)
    assert "return_to_refused" == refused.value.reason


@pytest.mark.parametrize("url", MALFORMED)
def test_what_readers_may_read_differently_is_refused_for_its_form(url: str) -> None:
    with pytest.raises(ReturnRefused) as refused:
        ORIGINS.check(url)
    assert "return_to_malformed" == refused.value.reason


@pytest.mark.parametrize("url", ALLOWED)
def test_what_was_given_back_is_given_back_again(url: str) -> None:
    assert ORIGINS.check(url) == ORIGINS.check(ORIGINS.check(url))


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
        # a hash-routed app reads it in location.search
        ("https://a.example/#/product/1", "https://a.example/?ticket=T#/product/1"),
        ("https://a.example/?b=1#/product/1?c=2&d", "https://a.example/?b=1&ticket=T#/product/1?c=2&d"),
        ("https://a.example/#a&&b?", "https://a.example/?ticket=T#a&&b?"),
        # … and must not find a stranger's in its route
        ("https://a.example/#/a?ticket=theirs&b=1", "https://a.example/?ticket=T#/a?b=1"),
        ("https://a.example/#/a?b=1&%74icket=theirs?c", "https://a.example/?ticket=T#/a?b=1"),
        ("https://a.example/#ticket=theirs", "https://a.example/?ticket=T#"),
    ],
)
def test_a_ticket_joins_the_query_and_is_alone_of_its_name(page: str, expected: str) -> None:
    assert expected == with_ticket(page, "T")
