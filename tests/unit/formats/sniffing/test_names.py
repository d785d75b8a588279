"""Names of columns in many spellings and languages are known for what they are, and no others are."""

from __future__ import annotations

import pytest

from footfall.formats.sniffing.names import score_name, split_name

NAMES = {
    "interaction_id": "event_id id $insert_id insert_id uuid page_view_id review_id Row-ID eventId hit_id messageId "
    "interaction_id Ereignis-Nr id_evento x-edge-request-id EVENT_ID",
    "user_id": "user_id customer_id distinct_id user_id:token userId visitorId visitor_id account_id CustomerID "
    "client-id USERID Kundennummer Benutzer-ID identifiant_client utilisateur id_usuario cliente_id id_do_usuario "
    "utente_id klant_id gebruiker klient_id uzytkownik_id пользователь_id 用户ID 用户编号 会員番号 ユーザーID "
    "사용자_ID 고객번호",
    "product_id": "product_id item_id movieId article_id StockCode item_id:token sku asin ISBN productId offer_id "
    "creative_id page_url path cs-uri-stem Artikelnummer Produkt-ID id_produit codigo_produto producto_id prodotto "
    "productnummer produkt_id товар_id 商品ID 商品编号 商品番号 상품번호",
    "action": "event_type event event_name action eventType interaction cs-method activity behavior_type actionType "
    "Aktion Ereignistyp type_evenement accion tipo_evento acao azione actie akcja действие 行为类型 アクション "
    "행동유형",
    "timestamp": "timestamp event_time date ts time created_at event_timestamp timestamp:float eventdate occurred_at "
    "Zeitstempel Datum horodatage fecha_hora data_hora orario tijdstip data_zdarzenia время 时间戳 日時 시간 eventTime",
    "rating": "rating rating:float Book-Rating stars score note Bewertung 评分",
}
SPELLINGS = [(name, role) for role, names in NAMES.items() for name in names.split()]


@pytest.mark.parametrize(("name", "role"), SPELLINGS)
def test_a_name_says_which_field_a_column_is(name: str, role: str) -> None:
    scores = score_name(name)
    assert max(scores, key=lambda each: scores[each]) == role
    assert scores[role] >= 55


@pytest.mark.parametrize(
    "name",
    [
        "price",
        "quantity",
        "user_agent",
        "customer_city",
        "product_category",
        "birth_date",
        "release_date",
        "latitude",
        "genres",
        "device_type",
        "page_count",
        "login_count",
        "item_price",
        "Unnamed",
        "x1",
        "foo",
        "session_duration",
    ],
)
def test_a_name_of_something_else_says_nothing_plainly(name: str) -> None:
    assert all(score < 45 for score in score_name(name).values())


@pytest.mark.parametrize(
    ("better", "worse", "role"),
    [
        ("user_id", "session_id", "user_id"),
        ("user_id", "user_name", "user_id"),
        ("visitor_id", "ip_address", "user_id"),
        ("product_id", "page_url", "product_id"),
        ("product_id", "category_id", "product_id"),
        ("event_time", "created_at", "timestamp"),
        ("timestamp", "received_at", "timestamp"),
        ("order_date", "ship_date_updated", "timestamp"),
        ("event_id", "order_id", "interaction_id"),
        ("event_type", "name", "action"),
    ],
)
def test_of_two_names_the_better_one_weighs_more(better: str, worse: str, role: str) -> None:
    assert score_name(better).get(role, 0) > score_name(worse).get(role, 0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("userId", ("user", "id")),
        ("USER_ID", ("user", "id")),
        ("user-id:token", ("user", "id")),
        ("visitorid", ("visitor", "id")),
        ("HTTPMethod", ("http", "method")),
        ("用户ID", ("用户", "id")),
        ("Kundennummer", ("kunden", "nummer")),
        ("", ()),
    ],
)
def test_a_name_is_split_into_words(name: str, words: tuple[str, ...]) -> None:
    assert split_name(name) == words
