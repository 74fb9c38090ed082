# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, spoken to through a pair of pipes: no port, no driver, nothing beyond Python's own library."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
OPTIONS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--hide-scrollbars',
           '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions',
           '--disable-dev-shm-usage', '--no-pings', '--disable-default-apps', '--mute-audio', '--disable-features=Translate',
           '--host-resolver-rules=MAP * ~NOTFOUND', '--remote-debugging-pipe']


def find():
    """The program; None where none is installed."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Browser:
    def __init__(self, program, seconds=60):
        self.folder = tempfile.mkdtemp(prefix='ctc-report-')
        self.deadline = time.monotonic() + seconds
        self.number, self.buffer, self.events = 0, b'', []
        to_browser, self.out = os.pipe()
        self.input, from_browser = os.pipe()

        def arrange():  # the browser reads commands from descriptor 3 and writes answers to 4
            for end, at in ((to_browser, 13), (from_browser, 14)):
                os.dup2(end, at)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self.process = subprocess.Popen([program, *OPTIONS, '--user-data-dir=' + self.folder, 'about:blank'],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=arrange, close_fds=False)
        os.close(to_browser)
        os.close(from_browser)
        target = self.call('Target.createTarget', {'url': 'about:blank'}, session=None)['targetId']
        self.session = None
        self.session = self.call('Target.attachToTarget', {'targetId': target, 'flatten': True})['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'Log'):
            self.call(domain + '.enable')

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.input)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def read(self):
        while b'\0' not in self.buffer:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.input], [], [], left)[0]:
                raise TimeoutError('the browser does not answer')
            more = os.read(self.input, 1 << 16)
            if not more:
                raise EOFError('the browser has ended')
            self.buffer += more
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, params=None, session=''):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': params or {}}
        if session == '' and getattr(self, 'session', None):
            message['sessionId'] = self.session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.out, data):]
        while True:
            answer = self.read()
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise RuntimeError(f'{method}: {answer["error"]}')
                return answer['result']
            self.events.append(answer)

    def open(self, path, width=1200, height=900, dark=False, scale=1):
        """Loads a file; what happens meanwhile is in `events`."""
        self.events = []
        self.call('Emulation.setDeviceMetricsOverride',
                  {'width': width, 'height': height, 'deviceScaleFactor': scale, 'mobile': width < 600})
        self.call('Emulation.setEmulatedMedia',
                  {'features': [{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]})
        self.call('Page.navigate', {'url': 'file://' + os.path.realpath(path)})
        while not any(event.get('method') == 'Page.loadEventFired' for event in self.events):
            self.events.append(self.read())

    def evaluate(self, script):
        answer = self.call('Runtime.evaluate', {'expression': script, 'returnByValue': True})
        if 'exceptionDetails' in answer:
            raise RuntimeError(answer['exceptionDetails'])
        return answer['result'].get('value')

    def requests(self):
        """Addresses that were asked for."""
        return [event['params']['request']['url'] for event in self.events
                if event.get('method') == 'Network.requestWillBeSent']

    def complaints(self):
        """What the console says."""
        return [json.dumps(event['params']) for event in self.events
                if event.get('method') in ('Runtime.exceptionThrown', 'Runtime.consoleAPICalled', 'Log.entryAdded')]

    def screenshot(self, path, part):
        """A part of the page: x, y, width, height and scale."""
        data = self.call('Page.captureScreenshot', {'format': 'png', 'captureBeyondViewport': True, 'clip': part})['data']
        with open(path, 'wb') as out:
            out.write(base64.b64decode(data))

    def print(self, path):
        data = self.call('Page.printToPDF', {'preferCSSPageSize': False, 'paperWidth': 8.27, 'paperHeight': 11.69,
                                             'printBackground': True})['data']
        with open(path, 'wb') as out:
            out.write(base64.b64decode(data))
