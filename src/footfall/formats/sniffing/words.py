"""What columns are called, in many languages. Latin letters without accents, as `names.simplify` leaves them.

Weights are from 0 to 100: how surely a column that is called so, or so and `id`, is the field. Two that fit are told
apart by them: `user_id` before `session_id`, `product_id` before `page_url`.
Source: the headers of 99 public files of interactions, and dictionaries for the languages beside English.
"""

from __future__ import annotations

ID_WORDS = frozenset(
    """id ids uid uuid guid key no nr num number nummer numero numer code kod hash token identifier identity identification
    kennung kennziffer identifiant identificador identificativo identificatie identyfikator номер код ид идентификатор
    编号 编码 号 id号 標識 标识 代码 番号 コード 識別子 번호 아이디 코드 식별자 sk pk fk oid sid nummern ident""".split()
)
# Words that say nothing about which field a column is.
NEUTRAL = frozenset(
    """the of de do da du des del della dei di der die das la le les el los las van het een z w i a utc gmt local unix epoch
    ms us ns sec secs millis milliseconds micros seconds iso raw orig original source src new internal external my our
    str string int float seq value val field col column properties property data payload attributes record params
    parameters context fields source body details meta metadata custom common props extra full anonymized anon masked
    encoded cs sc client_side c x s edge main cleaned""".split()
)
# Behind the name of a user or product, these make another thing of it.
ATTRIBUTES = frozenset(
    """times price amount amt count cnt quantity qty category categories cat type types kind city age gender sex country region state
    zip postcode address phone description desc brand status segment tier plan agent os browser version language lang
    locale currency revenue sales value cost discount total weight size color colour genre genres group class level role
    length width height rank position pos score tags tag image img referrer referer since year month day week hour
    duration properties language number_of lat lon latitude longitude rating ratings reviews mobile platform medium
    campaign term keyword department aisle first last middle signup registered creation created birth list size sequence
    average avg sum max min median mean preis prix precio preco prezzo prijs cena цена 价格 価格 가격 kategorie categorie categoria
    anzahl menge""".split()
)


def _weights(text: str) -> dict[str, int]:
    """Read lines of a weight and words."""
    found: dict[str, int] = {}
    for line in text.strip().splitlines():
        weight, *words = line.split()
        found |= {word: int(weight) for word in words if word not in found}
    return found


USER = _weights(
    """
100 user users usr benutzer nutzer anwender utilisateur usuario utente utilizador gebruiker uzytkownik uzytkownika пользователь
100 пользователя 用户 用戶 使用者 ユーザー ユーザ 利用者 사용자 유저 kullanici anvandare bruger bruker kayttaja uzivatel користувач pengguna
98 customer customers cust kunde kunden client clients cliente klant klient klienta клиент клиента покупатель 客户 会员 顧客 会員 고객 회원 kund
98 zakaznik musteri pelanggan 买家 顾客 nasabah asiakas
96 visitor visitors besucher visiteur visitante visitatore bezoeker посетитель 访客 訪問者 방문자 distinct mpid muid userid
94 account acct member buyer shopper subscriber consumer konto compte cuenta conta conto miembro membro membre mitglied lid
94 acheteur comprador acquirente abonne abbonato suscriptor аккаунт 账号 账户 帳號 계정 teilnehmer
90 person people profile viewer reader listener player learner student patron reviewer rater voter participant persona
90 personne lecteur lector lettore estudiante etudiant aluno studente студент 学号 学生 读者
86 contact actor guest owner employee worker anonymous household passenger rider patient follower
70 login username nickname email mail cookie browser
62 session sitzung sesion sessao sessione sessie sesja сессия 会话 セッション 세션 visit besuch visite
58 device geraet gerat appareil dispositivo aparelho устройство 设备 デバイス 기기 installation instance
50 ip ipaddress remote addr
40 author
"""
)
PRODUCT = _weights(
    """
100 product products prod produkt produkte produit producto produto prodotto produktu продукт товар товара 商品 产品 製品 제품 상품 urun tuote vyrobek
100 item items artikel article articulo artigo articolo artykul товары 物品 品目 아이템
97 sku asin isbn ean gtin upc stock goods ware waren
95 movie movies film book books song track video videos anime game games recipe music podcast episode show series pelicula livro
95 libro livre boek buch ksiazka książka фильм книга 电影 书籍 歌曲 视频 映画 本 영화 도서 artist album playlist
93 offer offering listing hotel restaurant venue business poi place location property_id course lesson material ad ads creative
93 advert advertisement banner news story post tweet repo repository job apartment house vehicle car store
72 aid
88 app application document doc file asset media photo picture content contents inhalt contenu contenido conteudo contenuto 内容 文章 新闻
76 page pages seite pagina strona страница 页面 ページ 페이지 screen url urls uri path pathname slug link request_uri stem permalink
66 title titel titre titulo titolo tytul название 标题 タイトル 제목 object target resource entity element feature
45 topic module section component event_context
30 category kategorie categorie categoria категория 类别 分类 カテゴリ 카테고리 query keyword campaign
22 name description bezeichnung
"""
)
ACTION = _weights(
    """
100 action actions aktion aktionen accion acao azione actie akcja действие 行为 行為 动作 動作 操作 アクション 行動 행동 액션 eylem handling toiminto
96 verb behavior behaviour activity activities interaction interactions interaktion interaccion interacao interazione activite
96 actividad atividade attivita activiteit aktivitat verhalten comportement comportamiento comportamento aktywnosc 交互 활동
90 event events ereignis ereignisse evenement evento eventi gebeurtenis zdarzenie событие 事件 イベント 이벤트 olay handelse
72 operation vorgang
58 method verbmethod
50 type typ tipo тип 类型 種類 유형 kind
42 status state channel
36 label name
"""
)
ACTION_COMPANIONS = frozenset(
    """type typ types tipo tip name names kind action label verb nom nombre nome naam nazwa тип имя 类型 名称 名 種別 種類 タイプ
    유형 종류 이름 art category""".split()
)
RATING = _weights(
    """
100 rating ratings score stars star grade bewertung valoracion avaliacao calificacion valutazione beoordeling ocena оценка рейтинг
100 评分 打分 評価 평점 puan betyg
90 preference preferences vote votes voto feedback note nota rate liked like likes label clicked is_clicked
85 playtime plays listen_count weight confidence watch_ratio overall
"""
)
TIME = _weights(
    """
100 timestamp ts zeitstempel horodatage tijdstempel timestamps 时间戳 時間戳 タイムスタンプ 타임스탬프 occurred happened eventtime
94 datetime zeitpunkt tijdstip znacznik momento instant 日時 일시 when
92 time zeit uhrzeit temps heure tiempo hora ora orario tijd czas время 时间 時間 時刻 시간 시각 zaman tid cas tempo
84 date dates datum fecha data дата 日期 日付 날짜 tarih dato paivamaara
80 at day tag jour dia giorno dag dzien день
"""
)
# Of the times of a row, these are not the one at which it happened, or less surely so.
OTHER_TIMES = {
    **dict.fromkeys(("birth", "born", "dob", "geburt", "birthday", "signup", "joined", "registered", "registration"), 5),
    **dict.fromkeys(("release", "released", "expire", "expires", "expiry", "expired", "due", "valid", "deleted"), 5),
    **dict.fromkeys(("published", "publish", "hired", "churn", "last", "first", "next", "previous", "prev"), 20),
    **dict.fromkeys(("updated", "modified", "update", "loaded", "ingested", "ingestion", "inserted"), 40),
    **dict.fromkeys(("processed", "processing", "received", "export", "exported", "extracted", "sdc"), 45),
    **dict.fromkeys(("end", "ended", "finish", "finished", "completed", "delivered", "delivery", "shipped"), 50),
    **dict.fromkeys(("sent", "uploaded", "upload", "server", "created", "create", "creation", "start", "started"), 78),
    **dict.fromkeys(("duration", "zone", "timezone", "tz", "spent", "elapsed", "offset", "session", "visit"), 12),
}
INTERACTION = _weights(
    """
100 interaction interaktion interaccion interacao interazione 交互 взаимодействие インタラクション
98 event events insert ereignis evenement evento gebeurtenis zdarzenie событие 事件 イベント 이벤트
92 action activity hit click message record row log entry impression view review request behavior pageview page_view zeile
88 transaction purchase play listen search vote rating tx trade sale line action_log 日志 记录 行 ログ
60 order orders invoice booking bestellung commande pedido ordine bestelling zamowienie заказ 订单 注文 주문 rental
"""
)
