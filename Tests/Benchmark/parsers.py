"""How long Python's parsers take for the documents of the transform benchmark: parsers.py FOLDER"""
import pathlib
import statistics
import sys
import time

import html5lib
import lxml.html


def measure(name, octets, body):
    times = []
    end = time.perf_counter() + 2
    while len(times) < 5 or time.perf_counter() < end and len(times) < 50:
        start = time.perf_counter()
        body()
        times.append(time.perf_counter() - start)
    median = statistics.median(times)
    print(f"  {name:28}{octets / median / 1e6:8.1f} MB/s {median * 1e6:8.0f} µs")


for name in ("newsletter", "gbk"):
    text = (pathlib.Path(sys.argv[1]) / f"{name}.html").read_bytes()
    print(f"{name}: {len(text)} octets")

    def rewrite():
        document = lxml.html.document_fromstring(text)
        for element, attribute, link, _ in document.iterlinks():
            if element.tag == "a" and attribute == "href":
                element.set("href", "https://track.example.com/c/" + link)
        return lxml.html.tostring(document)

    measure("lxml, parsed and written", len(text), rewrite)
    measure("html5lib, parsed", len(text), lambda: html5lib.parse(text, namespaceHTMLElements=False))
