# SPDX-License-Identifier: BSD-3-Clause
"""One life of a machine without a CPU: its random configuration, its process,
and what holds of a process at any time."""

import collections
import os
import re
import signal
import subprocess
import threading
import time

import wire
from wire import MIB, Fault

START_SECONDS = 60
EXIT_SECONDS = 120
GIB = 1 << 30

# Its own threads: the main loop, eight workers, a guard, a dump; and those of
# a sanitizer.
THREADS_MAX = 16
# What a sanitizer keeps of freed memory, and what allocators do.
SLACK = 384 * MIB

REPORTS = re.compile(r'Sanitizer|runtime error|Assertion|assert', re.I)


class Device:
    def __init__(self, rng, number):
        self.id = f'vm{number}'
        self.block_size = rng.choice((1, 2, 2, 4, 16, 128)) * MIB
        self.max_size = self.block_size * rng.choice((1, 3, 32, 100, 1000))
        self.backend = rng.choice(('anon', 'anon', 'memfd'))
        self.prealloc = self.max_size <= 256 * MIB and rng.random() < 0.3
        self.requested = self.block_size * rng.randrange(
            self.max_size // self.block_size + 1)
        self.words = rng.sample((
            'unplugged-inaccessible=off', 'unplugged-inaccessible=on',
            'guard=off', 'on-violation=log', 'thp=off', 'dump=on'), 2)
        # The same option twice is refused.
        if len({word.split('=')[0] for word in self.words}) < 2:
            self.words.pop()

    def option(self):
        words = [f'id={self.id}', f'max-size={self.max_size}',
                 f'block-size={self.block_size}', f'backend={self.backend}',
                 f'requested-size={self.requested}',
                 'prealloc=on' if self.prealloc else 'reserve=off']
        return ','.join(words + self.words)


class Machine:
    """What all that happens to it share. @processor is held by whoever runs
    guest code, or has stopped the guest."""

    def __init__(self, command, directory, rng, environment):
        self.qtest_path = directory + '/qtest'
        self.qmp_path = directory + '/qmp'
        self.directory = directory
        self.processor = threading.RLock()
        self.resizes = threading.RLock()  # held by who asks for sizes
        self.epoch = 0  # counts resets
        self.paused = False
        self.ending = False
        self.counts = collections.Counter()
        self.notes = collections.Counter()
        self.logs = collections.defaultdict(
            lambda: collections.deque(maxlen=30))
        self.devices = [Device(rng, i) for i in range(rng.randint(1, 4))]
        self.memory = rng.choice((256, 320)) * MIB
        words = [*command, 'run', '--accel', 'qtest', '--qtest',
                 f'unix:{self.qtest_path}', '--qmp', f'unix:{self.qmp_path}',
                 '--serial', 'none', '--memory', f'size={self.memory}' +
                 rng.choice(('', ',backend=memfd', ',prealloc=on'))]
        for device in self.devices:
            words += ['--mem-device', device.option()]
        self.words = words
        self.errors = directory + '/stderr'
        with open(self.errors, 'w', encoding='utf-8') as errors:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=errors,
                stderr=errors, env=environment)

    def wait_start(self):
        wire.wait(self._listens, START_SECONDS, 'the machine starts')
        self.first = self.figures()

    def _listens(self):
        self.check_alive()
        try:
            for path in (self.qtest_path, self.qmp_path):
                wire.connect(path).close()
            return True
        except OSError:
            return False

    def log(self, who, what):
        self.logs[who].append(f'{time.monotonic():.3f} {what}')

    def note(self, text):
        self.notes[text] += 1

    def said(self):
        with open(self.errors, encoding='utf-8', errors='replace') as f:
            return f.read()

    def check_alive(self):
        if self.process.poll() is not None:
            raise Fault(f'the machine ended with status '
                        f'{self.process.returncode}')

    # -- what the host sees

    def figures(self):
        proc = f'/proc/{self.process.pid}'
        with open(proc + '/status', encoding='ascii') as f:
            status = f.read()
        return {'fds': len(os.listdir(proc + '/fd')),
                'threads': int(re.search(r'Threads:\s+(\d+)', status)[1]),
                'resident':
                    int(re.search(r'VmRSS:\s+(\d+)', status)[1]) * 1024}

    def watch(self, clients_max):
        """While it is in use."""
        try:
            now = self.figures()
        except (OSError, TypeError):
            return  # it ends; its status tells how
        most = self.memory + sum(d.max_size for d in self.devices)
        if now['fds'] > self.first['fds'] + clients_max + 16:
            raise Fault(f'there are {now["fds"]} descriptors open')
        if now['threads'] > THREADS_MAX:
            raise Fault(f'there are {now["threads"]} threads')
        if now['resident'] > self.first['resident'] + most * 5 // 4 + SLACK:
            raise Fault(f'{now["resident"] // MIB} MiB are resident')

    def check_settled(self):
        """All is unplugged, and no client is there but one."""
        def settled():
            now = self.figures()
            return now['fds'] <= self.first['fds'] + 3 and now['resident'] <= \
                self.first['resident'] + self.memory * 5 // 4 + SLACK
        try:
            wire.wait(settled, 30, 'settled')
        except Fault:
            raise Fault(f'all is unplugged and all clients went, and yet the '
                        f'process has {self.figures()}, at the start '
                        f'{self.first}') from None

    def wait_exit(self, wanted):
        try:
            status = self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Fault(f'the machine did not end within {EXIT_SECONDS} s'
                        ) from None
        if status != wanted:
            raise Fault(f'the machine ended with status {status}, not '
                        f'{wanted}')
        left = [path for path in (self.qtest_path, self.qmp_path)
                if os.path.lexists(path)]
        if left and wanted != -signal.SIGKILL:
            raise Fault(f'the machine left {left} behind')
        if REPORTS.search(self.said()):
            raise Fault('the machine said what is below')

    def close(self):
        self.ending = True
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def last_words(self):
        text = 'command: ' + ' '.join(self.words)
        said = self.said().strip().splitlines()
        if said:
            text += '\nit said:\n  ' + '\n  '.join(said[:80])
        for who, lines in list(self.logs.items()):
            text += f'\nlast of {who}:\n  ' + '\n  '.join(list(lines))
        return text
