# SPDX-License-Identifier: GPL-2.0-or-later
"""picture.py: the picture of a page that the README shows, tests/docs/report.png. Needs a Chromium, and pngquant to make it
small."""
import os
import subprocess
import tempfile

import browser

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CTC = os.path.realpath(os.environ.get('CTC', os.path.join(TOP, 'build/release/ctc')))

with tempfile.TemporaryDirectory() as folder:
    page, large = os.path.join(folder, 'page.html'), os.path.join(folder, 'page.png')
    subprocess.run([CTC, 'report', '-o', page, os.path.join(TOP, 'examples/web-front.yaml')], check=True)
    with browser.Browser(browser.find()) as shown:
        shown.open(page, width=1120)
        end = shown.evaluate("document.querySelector('#reach .names').getBoundingClientRect().bottom + scrollY")
        shown.screenshot(large, {'x': 0, 'y': 0, 'width': 1120, 'height': end + 30, 'scale': 0.9})
    subprocess.run(['pngquant', '--force', '--speed', '1', '--strip', '--output', os.path.join(TOP, 'tests/docs/report.png'),
                    '48', large], check=True)
