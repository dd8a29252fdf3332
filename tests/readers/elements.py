"""Reads HTML that was made of a Markdown report, and prints the elements that are in it.

Fails if one is not closed, if one leads elsewhere, or if a mention stands where GitHub would see it.
"""

import re
import sys
from html.parser import HTMLParser


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attributes):
        assert {name for name, _ in attributes} <= {"align", "class"}, (tag, attributes)
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, text):
        if not {"code", "pre"} & set(self.open):
            assert not re.search(r"@\w", text), text


page = Page()
page.feed(sys.stdin.read())
page.close()
assert not page.open, page.open
print(*sorted(page.seen))
