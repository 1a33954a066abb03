"""Looks over a page: is it well formed, and what does it link to?"""

from html.parser import HTMLParser


class Balance(HTMLParser):
    """Notes every tag that is opened and not closed, or closed and not opened."""

    VOID = frozenset({"meta", "img"})

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.links, self.ids = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]
        self.ids += [value for name, value in attributes if name == "id" and tag == "section"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
