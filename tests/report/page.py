# SPDX-License-Identifier: GPL-2.0-or-later
"""A page as a tree, read more strictly than browsers do: what is opened is closed, in its order."""
from html.parser import HTMLParser

VOID = {'meta', 'link', 'wbr', 'br', 'img', 'input', 'hr'}
SELF_CLOSING = {'use', 'path', 'circle', 'rect'}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children = []

    def get(self, name, otherwise=None):
        return self.attributes.get(name, otherwise)

    def classes(self):
        return self.get('class', '').split()

    def text(self):
        return ''.join(child if isinstance(child, str) else child.text() for child in self.children)

    def walk(self):
        yield self
        for child in self.children:
            if not isinstance(child, str):
                yield from child.walk()

    def all(self, tag=None, klass=None):
        return [element for element in self.walk()
                if (tag is None or element.tag == tag) and (klass is None or klass in element.classes())]

    def first(self, tag=None, klass=None):
        found = self.all(tag, klass)
        return found[0] if found else None


class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element('', {}, None)
        self.problems = []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        if len(set(names)) != len(names):
            self.problems.append(f'{tag}: an attribute twice')
        element = Element(tag, dict(attributes), self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag, attributes):
        if tag not in SELF_CLOSING:
            self.problems.append(f'{tag}: closes itself')
        self.at.children.append(Element(tag, dict(attributes), self.at))

    def handle_endtag(self, tag):
        if tag != self.at.tag:
            self.problems.append(f'</{tag}> closes <{self.at.tag}>')
            return
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.children.append(data)


def read(text):
    """The tree, and what is wrong with it."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    if reader.at is not reader.root:
        reader.problems.append(f'<{reader.at.tag}> is not closed')
    return reader.root, reader.problems


def find_faults(root):
    """What a page of the report must not be, beyond well-formed."""
    faults = []
    ids = [element.get('id') for element in root.walk() if element.get('id')]
    faults += [f'the id {name} twice' for name in set(ids) if ids.count(name) > 1]
    for element in root.walk():
        for name in ('href', 'src', 'action', 'data', 'srcset', 'poster'):
            target = element.get(name)
            if target and target.startswith('#') and target[1:] not in ids:
                faults.append(f'{target} leads nowhere')
            elif target and not target.startswith('#') and target != 'data:,':
                faults.append(f'{element.tag} {name}={target} is fetched')
        for name in ('aria-labelledby', 'aria-describedby'):
            if element.get(name) and element.get(name) not in ids:
                faults.append(f'{name} of nothing: {element.get(name)}')
        faults += [f'{element.tag} has {name}' for name in element.attributes if name.startswith('on') or name == 'style']
    levels = [int(element.tag[1]) for element in root.walk() if element.tag in ('h1', 'h2', 'h3', 'h4')]
    if levels.count(1) != 1 or levels[:1] != [1]:
        faults.append('not one h1 ahead of all headings')
    faults += [f'h{b} below h{a}' for a, b in zip(levels, levels[1:]) if b > a + 1]
    for table in root.all('table'):
        if not table.first('caption'):
            faults.append('a table without caption')
        faults += ['a th without scope' for cell in table.all('th') if not cell.get('scope')]
    for picture in root.all('svg'):
        if picture.get('role') == 'img' and not picture.get('aria-label'):
            faults.append('a picture without a name')
        if picture.get('role') != 'img' and picture.get('aria-hidden') != 'true':
            faults.append('a sign that is read out')
    faults += ['a script from elsewhere' for script in root.all('script') if script.attributes]
    if len(root.all('script')) != 1 or len(root.all('style')) != 1:
        faults.append('not one script and one style sheet')
    style = root.first('style').text()
    faults += [f'the style sheet has {word}' for word in ('url(', '@import') if word in style]
    return faults
