# SPDX-License-Identifier: BSD-3-Clause
"""Who owns the machine: resizes, stops, resets, dumps and ends it over the
control socket, and looks whether its figures agree."""

import contextlib
import json
import os
import signal
import subprocess
import time

from clients import Client, Refused
from wire import ANSWER_SECONDS, Fault, Gone, wait

# Round trips on the control socket in which a machine that is stopped must not
# change.
QUIET_ROUNDS = 25
DUMP_SECONDS = 300
THINKING_SECONDS = 0.05


class Owner:
    def __init__(self, machine, rng, command, environment):
        self.machine, self.rng = machine, rng
        self.command = command
        self.environment = environment
        self.qmp = Client(machine.qmp_path)
        self.guest = None  # set once there is one
        self.resets = 0  # when it was seen to run last
        self.core = machine.directory + '/core'

    def execute(self, name, **arguments):
        self.machine.counts['commands'] += 1
        return self.qmp.command(name, **arguments)

    def tell(self, event, seconds=60):
        return self.qmp.wait_event(event, seconds)

    # -- figures

    def device_infos(self):
        return {entry['data']['id']: entry['data']
                for entry in self.execute('query-memory-devices')}

    def check_figures(self):
        infos = self.device_infos()
        for device in self.machine.devices:
            info = infos[device.id]
            size, requested = info['size'], info['requested-size']
            usable = info['x-paramem-usable-size']
            for name, value in (('size', size), ('requested', requested)):
                if value % device.block_size or \
                        not 0 <= value <= device.max_size:
                    raise Fault(f'{device.id} has the {name} size {value}')
            if usable > device.max_size or requested > usable:
                raise Fault(f'{device.id}: requested {requested}, usable '
                            f'{usable}, of {device.max_size}')
        return infos

    def check_sum(self):
        """Nothing may change in between, so nobody may run."""
        plugged = sum(info['size'] for info in self.device_infos().values())
        summary = self.execute('query-memory-size-summary')
        if summary != {'base-memory': self.machine.memory,
                       'plugged-memory': plugged}:
            raise Fault(f'the summary is {summary}, where {plugged} bytes are '
                        'plugged')

    def status(self):
        return self.execute('query-status')['status']

    # -- what an owner does

    def resize(self):
        device = self.rng.choice(self.machine.devices)
        size = self.rng.choice((
            0, device.max_size, device.block_size *
            self.rng.randrange(device.max_size // device.block_size + 1)))
        self.execute('qom-set', path=f'/machine/peripheral/{device.id}',
                     property='requested-size', value=size)
        # Others may have asked for another meanwhile.
        self.check_figures()

    def resize_wrongly(self):
        device = self.rng.choice(self.machine.devices)
        value = self.rng.choice((-1, 1, device.max_size + device.block_size,
                                 (1 << 64) - 1, 'much', None, 1e300))
        try:
            self.execute('qom-set', path=f'/machine/peripheral/{device.id}',
                         property='requested-size', value=value)
        except Refused:
            return
        raise Fault(f'a requested size of {value!r} was taken')

    def ask(self):
        name, arguments = self.rng.choice((
            ('query-status', {}), ('query-memory-devices', {}),
            ('query-memory-size-summary', {}), ('query-commands', {}),
            ('query-dump', {}), ('query-name', {}), ('query-version', {}),
            ('x-paramem-query-numa', {}),
            ('human-monitor-command', {'command_line': 'info numa'})))
        self.execute(name, **arguments)

    def ask_by_hand(self):
        """The program's own subcommands."""
        words = self.rng.choice((('info',), ('info', '--json'), ('numa',)))
        result = subprocess.run(
            [*self.command, words[0], self.machine.qmp_path, *words[1:]],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=ANSWER_SECONDS, env=self.environment, check=False)
        crowded = 'client' in result.stderr
        if result.returncode and not crowded:
            raise Fault(f'{words}: status {result.returncode}: '
                        f'{result.stderr!r}')
        if crowded:
            self.machine.note('the command line met too many clients')
        elif '--json' in words:
            json.loads(result.stdout)

    def system_reset(self):
        """Once the event came all is unplugged, whatever was under way."""
        with self.machine.processor:
            self.machine.epoch += 1
            self.qmp.events.clear()
            self.execute('system_reset')
            self.tell('RESET', 120)
            for name, info in self.check_figures().items():
                if info['size']:
                    raise Fault(f'after a reset {name} has {info["size"]} '
                                'plugged')
        self.machine.counts['resets'] += 1

    # -- stopping

    def snapshot(self):
        """All that a stopped machine must leave as it is."""
        seen = []
        for device in self.guest.devices if self.guest else ():
            virtio = device.virtio
            seen.append([virtio.get('status'), virtio.get('generation')] +
                        [virtio.config(name) for name in
                         ('usable_size', 'plugged_size', 'requested_size')] +
                        [device.qtest.read(device.ring, 0x3000)
                         if hasattr(device, 'ring') else b''])
        return seen, [info['size'] for info in self.device_infos().values()]

    @contextlib.contextmanager
    def stopped(self):
        self.execute('stop')
        with self.machine.processor:
            self.machine.paused = True
            yield
            self.machine.paused = False
            self.execute('cont')

    def stop(self):
        self.make_it_run()
        # Somebody else's resize changes configuration, as it should.
        with self.machine.resizes, self.stopped():
            self.qmp.events.clear()
            if self.status() != 'paused':
                raise Fault(f'after stop the status is {self.status()}')
            before = self.snapshot()
            self.check_sum()
            for _ in range(QUIET_ROUNDS):
                self.check_figures()
            after = self.snapshot()
            changes = [e['event'] for e in self.qmp.events
                       if e['event'] in ('MEMORY_DEVICE_SIZE_CHANGE',
                                         'RESUME', 'RESET')]
            if before != after:
                raise Fault('a stopped machine is not quiet: ' +
                            self.difference(before, after))
            if changes:
                raise Fault(f'a stopped machine is not quiet: {changes}')
        self.machine.counts['stops'] += 1

    @staticmethod
    def difference(before, after):
        names = ('status', 'generation', 'usable', 'plugged', 'requested',
                 'rings')
        found = [f'{name} of device {nth}'
                 for nth, pair in enumerate(zip(before[0], after[0]))
                 for name, *two in zip(names, *pair) if two[0] != two[1]]
        if before[1] != after[1]:
            found.append(f'sizes {before[1]} -> {after[1]}')
        return ', '.join(found)

    def stop_and_resize(self):
        with self.machine.resizes, self.stopped():
            self.resize()
            if self.rng.random() < 0.3:
                self.system_reset()
            self.ask()

    def make_it_run(self):
        """After a violation it is stopped until somebody lets it go on."""
        status = self.execute('query-status')
        resets = self.machine.counts['resets']
        if status['status'] == 'running':
            self.resets = resets
            return
        # A reset takes the reason away, and leaves the machine stopped.
        if 'x-paramem-reason' not in status and resets == self.resets:
            raise Fault(f'nobody stopped it, and yet there is {status}')
        self.machine.counts['violations'] += 1
        self.execute('cont')

    # -- dumps

    def dump(self):
        way = self.rng.choice(('whole', 'detached', 'cancelled', 'orphan',
                               'orphan', 'reset', 'nowhere'))
        self.machine.log('owner', f'dump {way}')
        core = '/proc/none/core' if way == 'nowhere' else self.core
        arguments = dict(
            paging=False, protocol='file:' + core,
            x_paramem_compress=self.rng.random() < 0.3)
        with self.machine.processor:
            self.machine.paused = True
            try:
                getattr(self, 'dump_' + way)(arguments)
                self.wait_no_dump()
            finally:
                self.machine.paused = False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.core)
        left = [name for name in os.listdir(self.machine.directory)
                if name.startswith('core')]
        if left:
            raise Fault(f'a dump left {left}')
        self.machine.counts['dumps'] += 1

    def wait_no_dump(self):
        wait(lambda: self.execute('query-dump')['status'] != 'active',
             DUMP_SECONDS, 'the dump is over')
        self.make_it_run()

    def dump_whole(self, arguments):
        self.execute('dump-guest-memory', **arguments)
        if os.stat(self.core).st_size < 64:
            raise Fault('a dump is empty')

    def dump_detached(self, arguments):
        self.execute('dump-guest-memory', detach=True, **arguments)
        self.check_figures()

    def dump_cancelled(self, arguments):
        self.execute('dump-guest-memory', detach=True, **arguments)
        self.execute('x-paramem-dump-cancel')

    def dump_orphan(self, arguments):
        """Its client dies."""
        try:
            client = Client(self.machine.qmp_path)
        except Gone:
            self.machine.note('too many clients for one more')
            return
        client.send('dump-guest-memory', **arguments)
        if self.rng.random() < 0.7:
            wait(lambda: self.execute('query-dump')['status'] != 'none',
                 ANSWER_SECONDS, 'a dump begins')
        client.close()
        # The machine may hear of the command after this.
        self.check_figures()

    def dump_reset(self, arguments):
        self.execute('dump-guest-memory', detach=True, **arguments)
        self.system_reset()

    def dump_nowhere(self, arguments):
        try:
            self.execute('dump-guest-memory', **arguments)
        except Refused:
            return
        raise Fault('a dump to nowhere was a success')

    # -- life

    def one(self):
        what = self.rng.choices(
            (self.resize, self.resize_wrongly, self.ask, self.ask_by_hand,
             self.check_figures, self.stop, self.stop_and_resize,
             self.system_reset, self.dump, self.make_it_run),
            (40, 4, 15, 1, 15, 6, 4, 2, 4, 6))[0]
        self.machine.log('owner', what.__name__)
        what()
        self.qmp.events.clear()
        # Long enough for a guest to get somewhere.
        time.sleep(self.rng.expovariate(1 / THINKING_SECONDS))

    def run(self):
        try:
            while not self.machine.ending:
                self.one()
        except Gone:
            if not self.machine.ending:
                raise Fault('the control socket hung up on its owner') from None

    def end(self):
        """One of the ways in which a machine ends; as itself, when it is
        alone."""
        machine = self.machine
        way = self.rng.choice(('quit', 'quit', 'term', 'kill'))
        machine.log('owner', way)
        if way == 'quit':
            self.execute('quit')
            machine.wait_exit(0)
        else:
            number = signal.SIGTERM if way == 'term' else signal.SIGKILL
            machine.process.send_signal(number)
            machine.wait_exit(0 if way == 'term' else -number)
