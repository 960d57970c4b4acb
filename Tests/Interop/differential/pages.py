"""Generates HTML as mailers write it, and with every quirk that browsers read."""

import re
import string

WORDS = {
    "latin": "Grüße aus Köln, façade, naïve, señor, Ærø, €uro".split(),
    "central": "Příliš žluťoučký kůň, łódź, őrült".split(),
    "cyrillic": "Привет, мир! Добрый день".split(),
    "greek": "Καλημέρα κόσμε".split(),
    "hebrew": "שלום עולם".split(),
    "arabic": "مرحبا بالعالم".split(),
    "thai": "สวัสดี ชาวโลก".split(),
    "chinese": "你好，世界 素材 图像 请点击这里 中文".split(),
    "japanese": "こんにちは 世界 日本語 ソース 表示 能力 カタカナ".split(),
    "korean": "안녕하세요 세계 똠방각하 한국어".split(),
    "ascii": "hello world offer sale today only From .dot -- =3D a=b".split(),
    "emoji": "🎉 👩‍👩‍👧 ✓ 𝒳".split(),
}

LINKS = """
https://shop.example.com/|https://shop.example.com/a?b=1&amp;c=2|https://shop.example.com/a?b=1&c=2
http://www.example.net/x?copy=1&copy=2&sect=3|http://e.example.org/?a&notit;b&not;c
https://e.example.org/?x&amp=1&ampy
https://e.example.org/?q&#x26;r&#38s&#x3d;t&#61u&#0;|https://e.example.org/?a=&quot;b&quot;&lt=1&lt;2
HTTP://SHOP.EXAMPLE.COM/X
https://e.example.org/&#9;tab&#10;lf&#13;cr&Tab;T&NewLine;|&#32;https://e.example.org/lead&#x20;
https://e.example.org/%20%zz?%41#frag
http:\\\\shop.example.com\\back\\slash|https:\\/shop.example.com/mixed|http:///three.example.com/x
https://u:p@e.example.org:8443/x?y#z
https://bücher.example/straße?ü=ö|https://例え.jp/パス|https://e.example.org/€?x=€|https://xn--bcher-kva.example/
https://e.example.org/a'b|https://e.example.org/(a)[b]{c}|https://e.example.org/?a[]=1&a[]=2
https://e.example.org/?u=https://x.example.com/?v%3D1
https://e.example.org/-->x|https://e.example.org/&apos;&hellip;&nbsp;&NotEqualTilde;&fjlig;&zwj
https://e.example.org/?a=1&para=2&reg_x&times=3&curren
http://[2606:4700::1111]/six|http://93.184.216.34/four|https://e.example.org./dot|http://e_x.example.com/under
mailto:ann@example.com?subject=a%20b|tel:+4912345|javascript:void(0)|cid:image1@example.com
data:text/html,&lt;a href=x>|ftp://ftp.example.com/
sms:123|x-app://open|file:///C:/x|about:blank|HTTPX://a.example.com
#top|#|#a?b|/relative/path|relative.html|?query|//shop.example.com/protocol|www.example.com/x|../up|.
http://|https://|http:|https:///|http:/one.example.com/|http:none.example.com/|https://:443/|http://?x|http://@/
http://localhost/x|http://intranet/x|http://10.1.2.3/|https://192.168.0.1/a|http://172.20.0.1/
http://127.0.0.1:8080/
http://[::1]/|http://[fd00::1]/|http://printer.local/|https://wiki.internal/|http://router.lan/
http://a.home.arpa/|http://169.254.1.1/
http://[127.0.0.1]/|http://[::ffff:129.144.52.38]/|http://[::ffff:10.0.0.1]/|http://127.0.0.%31/|http://0x7f.1/
http://010.010.010.010/|http://134744072/|http://1.2.3.4.5/|https://shop.example.com:99999/|http://１２７.0.0.1/
http://a%2Fb.example.com/|http://[::1/|https://shop.example.com:/x|http://a%20b.example.com/
https://e.example.org/?c=<%=x%>|https://e.example.org/${path}|https://e.example.org/[[name]]
https://e.example.org/{%url%}|https://e.example.org/{$name}|https://e.example.org/#{name}|https://e.example.org/{Name}
https://e.example.org/?a=[[1,2],[3]]|https://e.example.org/#{"a":1}|https://e.example.org/a$b}c
https://e.example.org/?c=%3C%25=x%25%3E|https://e.example.org/$%7Bpath%7D
{{url}}|https://e.example.org/{{ user.id }}|https://e.example.org/%%id%%
https://e.example.org/*|ID|*
*|UNSUB|*
https://{{host}}/x
https://e.example.org/%7B%7Bx%7D%7D|https://e.example.org/{{half|https://e.example.org/%%half
https://e.example.org/}}wrong{{
https://list.example.org/unsubscribe?u=1&amp;l=2|https://list.example.org/unsubscribe?u=1&l=2
https://list.example.org/off
https://e.example.org/#a?ü|https://e.example.org/#日?本=&eacute;|https://e.example.org/caf&eacute;?q=&eacute;#&uuml;
https://e.example.org/?n=１２３&k=カ&q=中|https://e.example.org/?q=Привет#мир|https://e.example.org/?q=한국어&r=똠
https://e.example.org/?é'"
https://e.example.org/?¬=&not;&#172;|https://e.example.org/?a¬中&ouml;é¬|https://e.example.org/?‾¥−ｱ~
https://e.example.org/?utm_source=mine&amp;x=1#f|https://e.example.org/?utm_campaign#f|https://e.example.org/?#f
https://e.example.org/?a=1&
https://www.example.net/|https://a.b.example.net./x|https://EXAMPLE.net/|https://shop.example.com/4
https://news.example.net:8443/y
https://track.example.test/c/AAAA|https://TRACK.example.test/o/x.gif|https://a.excluded.example/x
https://excluded.example/x
""".split()
# A bar that touches a star belongs to a template marker.
LINKS = [link for row in LINKS for link in re.split(r"(?<!\*)\|(?!\*)", row)] + ["", " ", "\n"]

MARKERS = ["data-alidm-traceoff", "data-alidm-traceoff=1", 'DATA-ALIDM-TRACEOFF="false"', "clicktracking=off",
           "clicktracking=on", 'ses:no-track', "data-pm-no-track", "disable-tracking=true", 'disable-tracking="false"',
           'data-msys-clicktrack="0"', 'data-msys-clicktrack="1"', "mc:disable-tracking"]
OTHERS = ['class="btn"', "target=_blank", "style='color:#fff'", 'title="a > b"', "title='\"x\"'", 'data-x="&amp;lt;"',
          "hreflang=en", 'data-href="https://no.example.com/"', "xlink:href=https://x.example.com/", "<", "=x", "a'b=c",
          'onclick="return x(\'y\')"', "/", "id=&notanentity;"]


class Page:
    """One document; `rng` decides on everything."""

    def __init__(self, rng, words):
        self.rng, self.words = rng, words

    def maybe(self, chance, text):
        return text if self.rng.random() < chance else ""

    def word(self):
        rng = self.rng
        return rng.choice(self.words if rng.random() < 0.4 else WORDS["ascii"])

    def text(self, most=8):
        return " ".join(self.word() for _ in range(self.rng.randint(1, most)))

    def url(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.45:
            host = rng.choice(["shop", "www", "news"])
            return f"https://{host}.example.com/{rng.randrange(10**6)}?utm={rng.randrange(99)}"
        if roll < 0.5:
            size = rng.choice([200, 900, 1380, 1440, 1452, 1454, 1460, 1500, 2000, 3000])
            return "https://long.example.com/" + "".join(rng.choices(string.ascii_letters + string.digits, k=size))
        if roll < 0.55:
            return self.mangled(rng.choice(LINKS))
        return rng.choice(LINKS)

    def mangled(self, url):
        """White space and controls where authors' editors leave them."""
        place = self.rng.randint(0, len(url))
        return url[:place] + self.rng.choice([" ", "\n", "\t", "\r\n", "\f", "\n  ", "\x00", "\x01", "&#0;", "&",
                                              "&#x80;"]) + url[place:]

    def href(self, url=None):
        rng = self.rng
        url = self.url() if url is None else url
        name = rng.choice(["href"] * 8 + ["HREF", "Href", "hReF"])
        equals = rng.choice(["="] * 8 + [" = ", "=\n", "\n=", "\t=\f", "= "])
        style = rng.random()
        if style < 0.12 and url and not any(c in url for c in " \t\r\n\f>") and url[0] not in "\"'":
            return name + equals + url
        if style < 0.3:
            return f"{name}{equals}'{url.replace(chr(39), '&#39;')}'"
        if style < 0.32:
            return name
        return f'{name}{equals}"{url.replace(chr(34), "&quot;")}"'

    def tag(self, name="a", url=None):
        rng = self.rng
        attributes = [self.href(url)]
        for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
            attributes.insert(rng.randint(0, len(attributes)), rng.choice(OTHERS))
        if rng.random() < 0.06:
            attributes.insert(rng.randint(0, len(attributes)), rng.choice(MARKERS))
        if rng.random() < 0.04:
            attributes.insert(rng.randint(0, len(attributes)), self.href())
        gap = rng.choice([" "] * 6 + ["\n", "\r\n\t", "  ", "/"])
        text = "<" + rng.choice([name] * 5 + [name.upper()]) + gap
        for index, attribute in enumerate(attributes):
            text += attribute + (rng.choice([" "] * 6 + ["\n ", "\t"]) if index + 1 < len(attributes) else "")
        return text + rng.choice([">"] * 8 + [" >", "\n>", " />"])

    def labelled_link(self):
        """A link that shows its address, or nearly so."""
        rng = self.rng
        url = self.url()
        bare = re.sub("^https?://", "", url)
        label = rng.choice([url, url, bare, url + "/", f" {url} ", f"<b>{url}</b>", url.replace("&", "&amp;"),
                            url.upper(), f"{bare}<br>", f"{url[:10]}<wbr>{url[10:]}", f"<!-- x -->{url}", f"{url} x"])
        return self.tag(url=url) + label + "</a>"

    def link(self):
        if self.rng.random() < 0.06:
            return self.labelled_link()
        return self.tag() + self.rng.choice([self.text(3), "", self.url(), "<b>x</b>", '<img src="cid:a">']) + "</a>"

    # MARK: Blocks

    def paragraph(self):
        rng = self.rng
        parts = [rng.choice([self.text, self.link])() for _ in range(rng.randint(1, 4))]
        return "<p>" + rng.choice(["", " ", "\n"]).join(parts) + self.maybe(0.7, "</p>")

    def table(self):
        cells = "".join(f'<td style="padding:0 {n}px">{self.paragraph()}</td>' for n in range(self.rng.randint(1, 3)))
        table = f'<table role="presentation" width="100%" cellpadding="0"><tbody><tr>{cells}</tr></tbody></table>'
        if self.rng.random() < 0.4:
            return (f"<!--[if mso | IE]><table><tr><td><![endif]-->{table}"
                    "<!--[if mso | IE]></td></tr></table><![endif]-->")
        return table

    def outlook(self):
        inner = self.rng.choice([
            f'<v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" {self.href()} style="height:40px"><w:anchorlock/>'
            f"<center>{self.text(2)}</center></v:roundrect>",
            self.link(), f"<v:rect {self.href()} fill=t />", "<style>a{color:red}</style>",
            f"<xml><o:OfficeDocumentSettings/></xml>{self.link()}", f"<script>'<a href=x>'</script>{self.link()}"])
        shown = f"<v:rect {self.href()} fill=t />{self.link()}"
        condition = self.rng.choice(["mso", "gte mso 9", "IE", "!mso", "mso 12", "(mso)|(IE)"])
        return self.rng.choice([f"<!--[if {condition}]>{inner}<![endif]-->",
                                f"<!--[if {condition}]><!-->{self.link()}<!--<![endif]-->",
                                f"<![if {condition}]>{self.link()}<![endif]>",
                                f"<![if {condition}]>{shown}<![endif]><v:rect {self.href()}>",
                                f"<!--[IF {condition}]>\n{inner}\n<![ENDIF]-->",
                                f"<!--[if {condition}]><!-- -->{self.link()}<!-- <![endif]-->"])

    def raw_text(self):
        rng = self.rng
        name = rng.choice(["style", "script", "textarea", "title", "xmp", "iframe", "noframes", "noembed", "noscript"])
        inner = rng.choice([self.link(), "a < b && c > d", "</b>", f"<!-- {self.link()} -->", "</ " + name + ">",
                            f"</{name}x>", "&lt;&amp", self.text()])
        if name == "script":
            inner = rng.choice([inner, f"<!-- <script>{self.link()}</script> {self.link()} -->", "<!--<script></script",
                                "<!-->" + self.link(), f"document.write('<a href=\"x\">')<!--\n{self.link()}//-->"])
        end = rng.choice([f"</{name}>"] * 6 + [f"</{name.upper()} >", f"</{name}/>", f"</{name}\n x='>'>"])
        if name == "script" and inner.startswith("<!--<script></script"):
            end = "></script>"
        return f"<{name}{rng.choice(['', ' type=x'])}>{inner}{end}"

    def foreign(self):
        rng = self.rng
        return rng.choice([
            f"<svg><![CDATA[{self.link()}]]>{self.tag()}</a></svg>", f"<svg><title>{self.link()}</title></svg>",
            f"<svg><style>{self.link()}</style></svg>", f"<svg><desc><p>{self.link()}</p></desc><![CDATA[>]]></svg>",
            f"<svg><foreignObject><div>{self.link()}</div></foreignObject><![CDATA[{self.link()}]]></svg>",
            f"<math><mi>{self.link()}</mi><mo><![CDATA[x]]></mo></math>", f"<svg/>{self.link()}",
            f"<svg><p>{self.link()}<![CDATA[ x ]]>", "<svg><font color=red><![CDATA[ a > b ]]></svg>",
            f"<svg><title><![CDATA[ <x> {self.link()} ]]></title></svg>", f"<math><annotation-xml encoding='text/html'>"
            f"<title>{self.link()}</title></annotation-xml></math>", f"<![CDATA[{self.link()}]]>",
            f"<svg><g><a xlink:href='https://x.example.com'>x</a></g>{self.link()}</svg>", self.outer_end()])

    def outer_end(self):
        """End tags of what is open around svg or math, or of nothing; the title tells whether that is still open."""
        rng = self.rng
        names = ["a", "p", "div", "span", "b", "em", "td", "tr", "table", "li", "ul", "form", "h1", "h2", "center", "font",
                 "x-y", "i", "section", "dd", "button"]
        around = [rng.choice(names) for _ in range(rng.randint(0, 4))]
        inside = rng.choice(["", "<g>", "<g><path/>", "<desc>", "<title>", "<foreignObject>", "<mi>", "<g><text>"])
        closes = rng.choice(around + [rng.choice(names)])
        early = self.maybe(0.2, f"</{rng.choice(names)}>")
        return ("".join(f"<{name}>" for name in around) + early + rng.choice(["<svg>", "<math>"]) + inside
                + f"</{closes}><title>{self.link()}</title><style>{self.tag()}</style>")

    def odd(self):
        rng = self.rng
        return rng.choice([f"<!-- {self.link()} -->", "<!---->", "<!-->", "<!--->", "<!-- a --!>",
                           f"<!--{self.link()}--!>{self.link()}", "<!x>", f"<?php echo '{self.link()}' ?>", "</>",
                           "</ x>", f"</p {self.href()}>", "<>", "< a href=x>", "<3", "</a></table></div>",
                           f"<a {self.href()}><a {self.href()}>nested</a></a>", f"<b><p><a {self.href()}></b></p>",
                           f"<map><area shape=rect {self.href()}><AREA {self.href()}/></map>",
                           f"<form action=x><button>{self.link()}</button></form>",
                           f"<table><a {self.href()}>foster</a><tr><td>x</table>",
                           "&copy &amp &ampamp; &notit; &#128; &#xD800; &#x110000;",
                           "\x00<a\x00 href='https://nul.example.com/'>", f"<a\x00b {self.href()}>", "a\x0cb\x0bc",
                           f"<link {self.href()}>", f"<base {self.href()}>", f"<abbr {self.href()}>x</abbr>",
                           "<!doctype x \">\" y>", "<!-- <!-- -->", "<p<b>", f"<img alt='{self.text(2)}'src=x>",
                           "<pre>\n a\n  b  \n</pre>", "x \ny\t\nz", "From me\n.\n..x\n--sep\n--sep--\n",
                           f"<template>{self.link()}</template>", f"<object><param name={self.word()}></object>",
                           "=\n==\n=3D\n", f"<details><summary>{self.link()}</summary></details>", f"<a {self.href()}",
                           "<ul><li>x<li>y</ul>", "<" + "x" * rng.choice([70, 300, 2000]) + ">",
                           "w" * rng.choice([74, 75, 76, 77, 200]), f"<a {self.href()}>" * 3])

    def block(self):
        rng = self.rng
        return rng.choices([self.paragraph, self.table, self.outlook, self.raw_text, self.foreign, self.odd],
                           [30, 12, 10, 10, 6, 14])[0]()

    # MARK: Documents

    def document(self, charset):
        rng = self.rng
        blocks = [self.block() for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 12]))]
        if rng.random() < 0.004:
            blocks += [self.paragraph() for _ in range(1_200)]
        body = rng.choice(["\n", "\n", "\r\n", "", " \n"]).join(blocks)
        shape = rng.random()
        if shape < 0.25:
            return body + self.ending()
        if shape < 0.35:
            return f"<body bgcolor=white>{body}" + self.maybe(0.5, "</body>") + self.ending()
        head = self.head(charset)
        if shape < 0.37:
            frames = f"<frameset cols=*><frame src=x><noframes>{self.link()}</noframes></frameset>"
            return rng.choice([f"{head}{frames}</html>", f"<p>{frames}", f"<body>{frames}{body}", f"{body}{frames}"])
        if shape < 0.45:
            # A head that is never closed, and pieces of one behind it.
            opened = head.replace("</head>", rng.choice(["", "</head>"])).replace("<head>", rng.choice(["", "<head>"]))
            more = rng.choice(["", "<title>x</title>", "<style>b{}</style>", "<noscript><link rel=x></noscript>",
                               "<noscript><p>x</noscript>", "<base target=x>", "</p>",
                               f"<template><p>{self.link()}</template><title>y</title>",
                               "<template><style>x</style></template><meta name=x>", "<template><title>x</template>"])
            return f"{opened}{more}{body}" + self.maybe(0.5, "</html>") + self.ending()
        end = rng.choice(["</body></html>"] * 5 + ["</BODY>\n</HTML>\n", "</body >", "</html>", "",
                                                   "</body></html></body>", "</body>" + self.paragraph() + "</html>"])
        return f"{head}<body>\n{body}\n{end}" + self.ending()

    def head(self, charset):
        rng = self.rng
        meta = rng.choice(["", f"<meta charset={charset}>", f'<meta charset="{charset}">', "<META CHARSET=utf-8 />",
                           f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">',
                           f"<meta content='text/html;charset = \"{charset}\"' http-equiv=content-type>",
                           "<meta name=viewport content='width=device-width'>", "<meta charset>", '<meta charset="">',
                           "<meta charset=utf-16>",
                           f"<meta charset=koi8-r><meta charset={charset}>"])
        doctype = rng.choice(["<!DOCTYPE html>\n", "",
                              '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
                              '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n',
                              f'<?xml version="1.0" encoding="{charset}"?>\n'])
        style = self.maybe(0.5, "<style type='text/css'>\n@media only screen { a[href^=\"x\"] > b { color: red } }\n"
                                "</style>\n")
        noscript = self.maybe(0.1, "<noscript><style>x</style></noscript>")
        return (f"{doctype}<html{self.maybe(0.3, ' lang=de')}>\n<head>\n{meta}\n<title>{self.text(3)}</title>\n"
                f"{style}{noscript}</head>\n")

    def ending(self):
        """What cut mails end with."""
        if self.rng.random() < 0.85:
            return self.rng.choice(["", "\n", "\n\n", " "])
        return self.rng.choice([f"<!-- {self.text()}", "<script>x", "<style>a{", "<title>x", "<textarea>x",
                                f"<a {self.href()}", "<a href=\"https://cut.example.com/", "</", "<", "<!", "&", "&lt",
                                "<plaintext>x", "<svg><![CDATA[x", "<p><b>x", "<table><tr><td>x", "<svg><g>",
                                "<!--[if mso]><a href=x>", "<xmp>", "<noscript>", "<ul><li><i>", "<select><option>x",
                                "<template><p>x", "</body", "<?x", "\x00"])


def page(rng, script, charset):
    return Page(rng, WORDS[script]).document(charset)


PLAIN_URLS = """
https://shop.example.com/t|https://shop.example.com/t.|http://www.example.net/a,b;c.|(https://e.example.org/a)
<https://e.example.org/?a=1&b=2>
https://e.example.org/a_(b)|(see https://e.example.org/a_(b)).|[https://e.example.org/x]
https://e.example.org/x]|*https://e.example.org/b*
_https://e.example.org/u_|"https://e.example.org/q"|'https://e.example.org/q'|HTTPS://E.example.org/UP!
https://e.example.org/?!|xhttps://no.example.org
https://|http://.|https://...|http://10.0.0.1/|http://localhost|https://list.example.org/off
https://e.example.org/{{x}}|https://e.example.org/%%x%%
https://e.example.org/中文|中https://e.example.org/中|https://e.example.org/a|b|https:/one.example.org/
https://a.excluded.example/|ftp://x.example.org
https://e.example.org/?u=https://f.example.org/|https://e.example.org:8443/#f|https://u:p@e.example.org/
https://track.example.test/c/AAAA
https://e.example.org/a\\b|https://e.example.org/a^b|https://e.example.org/`x`|https://e.example.org/--
https://e.example.org/-_-
https://e.example.org/café|https://www.bücher.example/x.|https://e.example.org/Закат_на.jpg|«https://e.example.org/x»
https://e.example.org/it’s|https://e.example.org/x。谢谢|https://e.example.org/x…|https://e.example.org/x_|<https://e.example.org/é>
<URL:https://e.example.org/u>|<https://e.example.org/中>|https://e.example.org/x👍|<https://e.example.org/a^b>
""".split()
PLAIN_URLS = [url for row in PLAIN_URLS for url in row.split("|") if url]


def plain_word(page):
    rng = page.rng
    roll = rng.random()
    if roll < 0.12:
        return rng.choice(PLAIN_URLS)
    if roll < 0.15:
        end = rng.choice(["\r\n", " \r\n", "\r\n  ", "  \r\n", "\r\n> ", "\r\n\r\n", " "])
        return rng.choice([f"<https://e.example.org/one/{end}two/three>", f"<URL:https://e.example.org/one{end}/two>",
                           f"https://e.example.org/one/{end}two/three", f"<https://e.example.org/one{end}"])
    return page.url().strip() or "x" if roll < 0.2 else page.text(4)


def plain(rng, script):
    page = Page(rng, WORDS[script])
    lines = [" ".join(plain_word(page) for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(1, 6))]
    return "\r\n".join(lines + [rng.choice(["https://shop.example.com/t", ""])]) + rng.choice(["\r\n", "\r\n", ""])
