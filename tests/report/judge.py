# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of `ctc report`: well-formed and accessible, with every rule on them; their matrix against `ctc explain`; names that
mean harm; failures; and how a browser shows them."""
import glob
import ipaddress
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import browser
import page

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CTC = os.path.realpath(os.environ.get('CTC', 'build/release/ctc'))
passed = failed = skipped = 0


def judge(what, problems):
    global passed, failed
    if not problems:
        passed += 1
        return
    failed += 1
    print(f'FAILED  {what}')
    for problem in list(problems)[:12]:
        print(f'    {problem}')


def skip(what):
    global skipped
    skipped += 1
    print(f'skipped {what}')


def ctc(*words, text=None, env=None, cwd=TOP):
    return subprocess.run([CTC, *words], input=text, capture_output=True, text=True, cwd=cwd, timeout=120,
                          env={**os.environ, **(env or {})})


def report(policy):
    run = ctc('report', policy)
    root, problems = page.read(run.stdout)
    return run, root, problems


# --- Rules

def shown_rules(root):
    return [line for pre in root.all('pre') for line in pre.text().split('\n') if line.startswith('-A ')]


def missing_rules(policy, root):
    """Rules of the emitted text that the page does not have, where it does not say that there are more."""
    shown = set(shown_rules(root))
    hidden = sum(int(match.replace(',', '')) for match in re.findall(r'# and ([0-9,]+) more', root.text()))
    missing = [line for family in ('-4', '-6') for line in ctc(family, policy).stdout.split('\n')
               if line.startswith('-A ') and line not in shown]
    return [] if len(missing) <= hidden else missing


# --- The matrix

OTHER_INTERFACE = 'test9'


def parse_side(words, key):
    """Values that `key` has in a box, and whether they are those left out."""
    match = re.search(rf'(?:^| ){key} (not )?(\S+)', words)
    if not match:
        return None
    return bool(match.group(1)), match.group(2).split(',')


def ranges(texts):
    found = []
    for text in texts:
        if text.startswith('and-'):
            continue
        if '-' in text:
            found.append(tuple(map(ipaddress.ip_address, text.split('-'))))
        else:
            net = ipaddress.ip_network(text)
            found.append((net[0], net[-1]))
    return found


def addresses_of(side, family):
    """The edges of the ranges; of those that are left out, what lies just beyond."""
    if side is None:
        return [None]
    negated, texts = side
    kind = ipaddress.IPv4Address if family == 'ipv4' else ipaddress.IPv6Address
    found = []
    for first, last in ranges(texts):
        edges = (int(first) - 1, int(last) + 1) if negated else (int(first), int(last))
        for edge in edges:
            if 0 <= edge < 2 ** (32 if family == 'ipv4' else 128):
                address = kind(edge)
                inside = any(a <= address <= b for a, b in ranges(texts))
                if inside != negated:
                    found.append(address)
    return found[:6]


def interfaces_of(side, known):
    if side is None:
        return [OTHER_INTERFACE]
    negated, names = side
    if not negated:
        return [name.replace('+', '7') for name in names]
    return [OTHER_INTERFACE] + [name for name in known if name not in names][:1]


def samples(column, columns, family, hidden):
    """Interfaces and addresses of senders in a column: all of them, and some at the edges."""
    boxes = [span.get('data-packets') for span in column.all('span', 'who')
             if span.get('data-family', '').lower() == family]
    if boxes == [] and column.first('span', 'who').get('data-packets') is not None:
        boxes = []  # of the other family
    known = [name for other in columns for span in other.all('span', 'who')
             for name in (parse_side(span.get('data-packets', ''), 'in') or (0, []))[1]]
    if column.first('span', 'who').text().startswith('anyone'):
        alone = [small.text() for small in column.all('small') if small.text().endswith(' alone')]
        # Where not all senders have a column, nobody is known to be without one.
        if (alone and alone != [{'ipv4': 'IPv4', 'ipv6': 'IPv6'}[family] + ' alone']) or hidden:
            return []
        taken = [pair for other in columns for span in other.all('span', 'who')
                 if span.get('data-family', '').lower() == family and span.get('data-packets')
                 for side in [parse_side(span.get('data-packets'), 'from')] if side and not side[0]
                 for pair in ranges(side[1])]
        strangers = ['203.0.113.254', '198.51.100.254', '8.8.4.4'] if family == 'ipv4' else ['2001:db8:ffff::9', '2a00::9']
        return [(OTHER_INTERFACE, stranger) for stranger in strangers
                if not any(first <= ipaddress.ip_address(stranger) <= last for first, last in taken)][:1]
    return [whole_box(box) for box in boxes if 'and-' not in box] + [
        (interface, address) for box in boxes
        for interface in interfaces_of(parse_side(box, 'in'), known)
        for address in addresses_of(parse_side(box, 'from'), family)][:8]


def whole_box(box):
    """A box as it stands there; it is off lo, whether it says so or not."""
    interfaces, _, senders = box.partition('from ')
    interfaces = interfaces.strip().removeprefix('in ') or 'not lo'
    if interfaces.startswith('not ') and interfaces != 'not lo':
        interfaces += ',lo'
    return interfaces, senders


def traffic_packets(what, family):
    """What stands below a service's name, in the notation for packets."""
    for part in what.split('; '):
        words = part.split()
        opening = 'new cast local fragment none'
        if words[0] in ('tcp', 'udp'):
            yield f'{words[0]}{{}}{" to port " + words[1] if len(words) > 1 else ""} {opening}{" syn" if words[0] == "tcp" else ""}'
        elif words[0] == 'ping':
            yield f'icmp{{}} type 8 {opening}' if family == 'ipv4' else f'icmpv6{{}} type 128 {opening}'
        elif words[0] in ('icmp', 'ipv6-icmp'):  # of a type that no host lives on
            if words[0] == 'icmp' or family == 'ipv6':
                yield f'icmp{{}} type 13 {opening}' if family == 'ipv4' else f'icmpv6{{}} type 128 {opening}'
        elif words[0] == 'any':
            yield f'tcp{{}} {opening} syn'
            yield f'udp{{}} {opening}'
        else:
            yield f'{part}{{}} {opening}'


def told(answers):
    """What a cell says, from the parts that `ctc explain` has."""
    accepted, refused, limited, elsewhere = set(), set(), False, False
    for part in answers:
        boxes = part['packets']
        if boxes and all('while the limit' in box for box in boxes):
            continue
        if part['verdict'] == 'accept':
            accepted.add('tracked' if part['tracked'] else 'not tracked')
            limited = limited or any('up to' in box for box in boxes)
        elif part['verdict'] == 'elsewhere':
            elsewhere = True
        else:
            refused.add(part['verdict'])
            limited = limited or any(re.search(r'\bover \d+/', box) for box in boxes)
    tracking = ' ' + ('tracked in part' if len(accepted) > 1 else next(iter(accepted), ''))
    if elsewhere:
        return 'decided elsewhere'
    if not accepted:
        return {frozenset({'reject'}): 'rejected', frozenset({'drop'}): 'dropped'}.get(frozenset(refused), 'refused')
    if refused:
        return ('limited' if limited else 'accepted in part') + tracking
    return 'accepted' + tracking


def cell_text(cell):
    return ' '.join(cell.text().split())


def has_probe(what):
    """Whether a service has the port of the probe, or all of them."""
    for part in what.split('; '):
        kind, _, ports = part.partition(' ')
        if kind == 'any' or (kind in ('tcp', 'udp') and not ports):
            return True
        for bounds in (text.split('-') for text in ports.split(',') if kind in ('tcp', 'udp')):
            if int(bounds[0]) <= PROBE <= int(bounds[-1]):
                return True
    return False


def matrix_questions(table, family):
    hidden = 'more groups of senders' in table.parent.parent.text()
    services = [row.first('th') for row in table.first('tbody').all('tr')]
    probed = not any(has_probe(head.first('code').text() if head.first('code') else head.first('span', 'who').text())
                     for head in services[:-1])
    columns = [cell for cell in table.first('thead').all('th')]
    for row in table.first('tbody').all('tr'):
        head = row.first('th')
        name = head.first('span', 'who').text()
        what = head.first('code')
        for cell, column in zip(row.all('td'), columns):
            if name == 'everything else' and what is None:
                if not probed:
                    continue
                traffics = [f'tcp{{}} to port {PROBE} new syn cast local fragment none',
                            f'udp{{}} to port {PROBE} socket wildcard new cast local fragment none']
            else:
                traffics = list(traffic_packets(what.text() if what else name, family))
            for interface, address in samples(column, columns, family, hidden):
                source = f' from {address}' if address else ''
                questions = [f'in {interface} ' + traffic.format(source) for traffic in traffics]
                yield name, column, cell, questions


PROBE = 64999  # a port that no policy here has


def matrix_faults(policy, root):
    table = root.first('table', 'matrix')
    asked = []
    for family in ('ipv4', 'ipv6'):
        asked += [(family, *rest) for rest in matrix_questions(table, family)]
    lines = [question for _, _, _, _, questions in asked for question in questions]
    run = ctc('explain', '--format', 'json', policy, '-', text='\n'.join(lines) + '\n')
    if run.returncode:
        return [run.stderr], 0
    answers = iter(json.loads(run.stdout)['sets'])
    faults = []
    for family, name, column, cell, questions in asked:
        parts = [part for _ in questions for answer in next(answers)['answers']
                 if answer['family'] == family for part in answer['parts']]
        # What is limited and what is in part does not show in what explain says of all ports at once.
        if name.startswith('any') and told(parts).replace('limited', 'accepted in part') == cell_text(cell):
            continue
        # Two probes of everything else are not all of it.
        if name == 'everything else' and ('in part' in cell_text(cell) or cell_text(cell) == 'refused'):
            continue
        if parts and told(parts) != cell_text(cell):
            faults.append(f'{name}, {column.text()!r}: the page says {cell_text(cell)!r}, explain {told(parts)!r}: {questions}')
    return faults, len(asked)


# --- Tests

def check_page(policy):
    name = os.path.relpath(policy, TOP)
    run, root, problems = report(policy)
    judge(f'{name}: a page, and nothing to complain', [run.stderr] if run.returncode or (run.stderr and 'warning' not in run.stderr) else [])
    if run.returncode:
        return
    judge(f'{name}: well-formed', problems or page.find_faults(root))
    judge(f'{name}: every rule', missing_rules(policy, root))
    if root.first('table', 'matrix') and root.first(None, 'matrix').parent.get('aria-labelledby') == 'reach-h':
        faults, count = matrix_faults(policy, root)
        judge(f'{name}: the matrix says what explain says', faults)
        if not count:
            judge(f'{name}: the matrix was asked about', ['it was not'])


def check_same():
    policy = 'examples/router.yaml'
    pages = {ctc('report', policy, env=env).stdout
             for env in ({}, {'TZ': 'Asia/Tokyo', 'LANG': 'de_DE.UTF-8', 'COLUMNS': '40', 'TERM': 'xterm'}, {'LC_ALL': 'C'})}
    judge('the same bytes, whatever the environment', [] if len(pages) == 1 else [f'{len(pages)} pages'])


HARM = '</script><img src=x onerror=alert(1)>'


def check_harm(folder):
    path = os.path.join(folder, 'a<b>&"\'.yaml')
    deep = HARM.replace('"', '')
    with open(path, 'w', encoding='utf-8') as out:
        out.write(f'version: 1\ndescription: "{deep} & <b>bold</b> </style>"\ntracking: selective\n'
                  f'define:\n  office: 192.0.2.0/24\n'
                  f'allow:\n  - {{name: "{deep[:60]}", tcp: 81, track: false}} # {HARM} -->\n'
                  f'  - {{name: "<svg/onload=1>&amp;", tcp: 82, from: $office}} # ]]> <!--\n'
                  f'expect:\n  - {{name: "{deep[:40]}", packets: in eth0 tcp to port 81, verdict: accept}}\n')
    run, root, problems = report(path)
    judge('names that mean harm: a page', [run.stderr] if run.returncode else [])
    judge('names that mean harm: well-formed', problems or page.find_faults(root))
    text = root.text()
    judge('names that mean harm: they stay text',
          [tag for tag in ('img', 'b') if any(element.tag == tag and 'onerror' in str(element.attributes) or element.tag == 'img'
                                              for element in root.walk())]
          + [f'not there: {word}' for word in (HARM, '<svg/onload=1>&amp;', 'a<b>&"\'.yaml', '<b>bold</b>') if word not in text])


def check_failures(folder):
    wrong = os.path.join(folder, 'wrong.yaml')
    out = os.path.join(folder, 'kept.html')
    with open(wrong, 'w') as file:
        file.write('version: 1\nallow:\n  - sssh\n')
    with open(out, 'w') as file:
        file.write('as it was')
    run = ctc('report', wrong)
    judge('a policy with errors: they are said, and there is no page',
          [run] if run.returncode != 1 or run.stdout or '[service]' not in run.stderr else [])
    run = ctc('report', '-o', out, wrong)
    judge('a policy with errors: a page of before stays', [run] if run.returncode != 1 or open(out).read() != 'as it was' else [])
    failing = os.path.join(folder, 'failing.yaml')
    with open(failing, 'w') as file:
        file.write('version: 1\nallow: [ssh]\nexpect:\n  - {packets: in eth0 tcp to port 22, verdict: refuse}\n')
    run = ctc('report', failing)
    judge('an expectation that fails: no page', [run] if run.returncode != 1 or run.stdout else [])
    run = ctc('report', '-o', out, 'examples/first.yaml')
    text = open(out).read()
    judge('-o replaces the file', [run] if run.returncode or run.stdout or text != ctc('report', 'examples/first.yaml').stdout else [])
    run = ctc('report', '-o', os.path.join(folder, 'none', 'page.html'), 'examples/first.yaml')
    judge('-o into no folder: exit 3', [run] if run.returncode != 3 or run.stdout else [])
    own = os.path.join(folder, 'own.yaml')
    with open(own, 'w') as file:
        file.write('version: 1\nallow: [ssh]\n')
    run = ctc('report', '-o', own, own)
    judge('-o over the policy itself is refused', [run] if run.returncode != 2 or 'version' not in open(own).read() else [])
    rules = os.path.join(TOP, 'tests/findings/no-modules.rules')
    for words in (['report'], ['report', 'a', 'b'], ['report', '-x', 'a'], ['report', rules]):
        run = ctc(*words)
        judge(f'wrong use: {words[1:]}', [run] if run.returncode != 2 or run.stdout else [])


def check_hidden(folder):
    path = os.path.join(folder, 'hidden.yaml')
    with open(path, 'w') as file:
        file.write('version: 1\nallow:\n')
        for i in range(45):
            file.write(f'  - {{tcp: {2000 + 2 * i}, limit: {i + 1}/minute{", from: 192.0.2.0/24" if i == 44 else ""}}}\n')
    _, root, problems = report(path)
    judge('entries that are not shown: well-formed', problems)
    told = 'And 5 more entries. Rules of theirs: 6 for IPv4, 4 for IPv6.'
    judge('entries that are not shown: their rules are counted', [] if told in root.text() else ['they are not'])


def check_large(folder):
    path = os.path.join(folder, 'large.yaml')
    count = 20000
    with open(path, 'w') as file:
        file.write('version: 1\ntracking: selective\nallow:\n  - {service: https, track: false}\n')
        for i in range(count):
            file.write(f'  - {{tcp: {1024 + i % 20000}, from: 10.{i >> 16}.{i >> 8 & 255}.{i & 255}}}\n')
    begun = time.monotonic()
    run, root, problems = report(path)
    took = time.monotonic() - begun
    judge('a large policy: a page', [run.stderr] if run.returncode else [])
    judge('a large policy: well-formed', problems)
    judge('a large policy: it can be read', [f'{len(run.stdout)} bytes'] if len(run.stdout) > 400_000 else [])
    judge('a large policy: it says what it leaves out', [] if 'more entries' in root.text() else ['it does not'])
    limit = 40 if 'asan' in CTC or 'coverage' in CTC else 15
    judge('a large policy: it is quick', [f'{took:.1f} s'] if took > limit else [])


# --- In a browser

CONTRAST = r'''(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = c => { const l = c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * l[0] + .7152 * l[1] + .0722 * l[2]; };
  const ground = element => { let layers = [];
    for (let e = element; e; e = e.parentElement) { layers.push(rgba(getComputedStyle(e).backgroundColor)); }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]); };
  const box = document.querySelector('rect.box:not(.unused)');
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || ['SCRIPT', 'STYLE'].includes(element.tagName)) continue;
    const style = getComputedStyle(element), svg = element.closest('svg');
    let below = ground(element);
    if (svg && box) below = over(rgba(getComputedStyle(box).fill), below);
    const front = over(rgba(svg ? style.fill : style.color), below), a = light(front), b = light(below);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push(ratio.toFixed(2) + ' ' + walker.currentNode.data.trim().slice(0, 40));
  }
  return found; })()'''

# What sticks out of the page, unless it scrolls in a box of its own.
OVERFLOW = r'''(() => { const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > width) found.push('the page: ' + document.documentElement.scrollWidth);
  for (const e of document.body.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    if (box.right <= width + 1 || box.width <= 1 || e.closest('.skip, .signs')) continue;
    let inside = e.parentElement;
    while (inside && !['auto', 'scroll', 'hidden'].includes(getComputedStyle(inside).overflowX)) inside = inside.parentElement;
    if (!inside || inside === document.body || inside.getBoundingClientRect().right > width + 1) found.push(e.tagName + ' ' + e.className + ' ' + box.right);
  }
  return found.slice(0, 10); })()'''

UNFOLD = "document.querySelectorAll('details').forEach(d => { d.open = true; })"
# Beside links and folded rules, what scrolls can be reached by the keyboard.
UNREACHED = r'''[...document.querySelectorAll('.scroll, pre')].filter(e => e.tabIndex !== 0).map(e => e.outerHTML.slice(0, 80))'''


def check_browser(folder, program):
    names = ['web-front', 'router', 'mail-server', 'dns-resolver', 'tor-relay', 'first', 'docker-host', 'article-nomodules']
    pages = {name: os.path.join(folder, name + '.html') for name in names}
    for name, path in pages.items():
        ctc('report', '-o', path, f'examples/{name}.yaml')
    pages['harm'] = os.path.join(folder, 'harm.html')
    ctc('report', '-o', pages['harm'], os.path.join(folder, 'a<b>&"\'.yaml'))
    with browser.Browser(program, 90) as shown:
        for name, path in pages.items():
            address = 'file://' + os.path.realpath(path)
            faults = []
            for width in (1200, 360):
                shown.open(path, width=width)
                faults += [f'{width} px: asks for {url}' for url in shown.requests() if url not in (address, 'data:,')]
                faults += [f'{width} px: {text}' for text in shown.complaints()]
                faults += [f'{width} px sticks out: {what}' for what in shown.evaluate(OVERFLOW)]
                shown.evaluate(UNFOLD)
                faults += [f'{width} px unfolded, sticks out: {what}' for what in shown.evaluate(OVERFLOW)]
            faults += [f'not reached: {what}' for what in shown.evaluate(UNREACHED)]
            judge(f'browser: {name} fetches nothing, complains of nothing, and fits', faults)
            faults = []
            for dark in (False, True):
                shown.open(path, dark=dark)
                shown.evaluate(UNFOLD)
                faults += [f'{"dark" if dark else "light"}: {what}' for what in shown.evaluate(CONTRAST)]
            judge(f'browser: {name} can be read in light and dark', faults)
        shown.open(pages['web-front'])
        shown.print(os.path.join(folder, 'page.pdf'))
        judge('browser: it prints, unfolded, and folds again',
              [] if os.path.getsize(os.path.join(folder, 'page.pdf')) > 20000
              and shown.evaluate("document.querySelectorAll('details[open]').length") == 0 else ['it does not'])


def main():
    policies = sys.argv[1:] or sorted(glob.glob(f'{TOP}/examples/*.yaml')) + [
        os.path.join(os.path.dirname(rules), 'policy.yaml') for rules in sorted(glob.glob(f'{TOP}/tests/golden/*/v4.rules'))]
    for policy in policies:
        check_page(os.path.realpath(policy))
    if sys.argv[1:]:
        return
    with tempfile.TemporaryDirectory() as folder:
        check_same()
        check_harm(folder)
        check_failures(folder)
        check_hidden(folder)
        check_large(folder)
        program = browser.find()
        if program:
            check_browser(folder, program)
        else:
            skip('how a browser shows pages: no chromium is installed')


main()
print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
sys.exit(failed > 0)
