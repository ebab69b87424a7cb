# SPDX-License-Identifier: BSD-3-Clause
"""Dumps of running and stopped guests, read by the tools that people use."""

import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess

from harness import (FAST, GIB, MIB, Group, QmpError, Skip, check, check_equal,
                     environment, paramem, Settings, size_text)

DUMP_SECONDS = 120
PT_LOAD = 1


def tool(*words, wanted=0):
    if not shutil.which(words[0]):
        raise Skip(f'there is no {words[0]}: run tools/setup dump')
    result = subprocess.run(words, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            timeout=DUMP_SECONDS, check=False)
    out = result.stdout.decode('utf-8', 'replace')
    check_equal(f'the status of {words[0]}, which said {out!r}',
                result.returncode, wanted)
    return out


def segments(path):
    """Types, physical addresses, sizes and offsets of a core's program
    headers."""
    with open(path, 'rb') as f:
        header = f.read(64)
        offset, = struct.unpack_from('<Q', header, 32)
        count, = struct.unpack_from('<H', header, 56)
        f.seek(offset)
        table = f.read(count * 56)
    headers = [struct.unpack_from('<IIQQQQQQ', table, i * 56)
               for i in range(count)]
    return [(h[0], h[4], h[5], h[2]) for h in headers]


def loads(path):
    return [(start, size) for kind, start, size, _ in segments(path)
            if kind == PT_LOAD]


class Dumps(Group):
    machine = {'cpus': 2, 'memory': '512M', 'append': FAST,
               'devices': ('id=vm0,max-size=8G', 'id=vm1,max-size=1G,'
                           'backend=memfd')}
    said = ''  # what the program has said so far, as it should

    def path(self, name='core'):
        """Where nothing is yet, with room for what is large."""
        directory = os.path.join(os.environ.get('PARAMEM_OUT') or
                                 self.vm.directory, 'dump')
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        return os.path.join(directory, name)

    def end(self):
        shutil.rmtree(os.path.dirname(self.path()), ignore_errors=True)
        super().end()

    def forget_events(self):
        """Also those that are on their way."""
        self.vm.qmp.command('query-status')
        self.vm.qmp.forget_events()

    def dump(self, path, *options):
        result = paramem('dump', self.vm.name, path, *options,
                         seconds=DUMP_SECONDS)
        check_equal('the status of dump, ' + str(result), result.status, 0)
        return result

    def data_size(self, path):
        return os.stat(path).st_blocks * 512

    def check_dmesg(self, path, words):
        log = path + '.dmesg'
        if os.path.exists(log):
            os.unlink(log)
        tool('makedumpfile', '--dump-dmesg', path, log)
        with open(log, encoding='utf-8', errors='replace') as f:
            text = f.read()
        os.unlink(log)
        check('Linux version' in text, f'the log is {text[:200]!r}')
        check(words in text, f'{words!r} is not in the log that was read')

    def test_one_of_eight_gib(self):
        vm = self.vm
        vm.qmp.resize('vm0', GIB)
        vm.run('echo a-mark-in-the-log >/dev/kmsg')
        # Something to be found in new memory, too.
        vm.run('dd if=/dev/urandom of=/tmp/file bs=1M count=64 2>/dev/null')
        path = self.path()
        before = vm.resident()
        result = self.dump(path)
        grown = vm.resident() - before
        data = self.data_size(path)
        check_equal('the file\'s length, but for its head', os.stat(
            path).st_size // MIB, (512 * MIB + GIB) // MIB)
        check(64 * MIB < data <= before + MIB,
              f'{size_text(data)} are stored, {size_text(before)} resident')
        check(grown < 8 * MIB, f'it made {size_text(grown)} resident')
        runs = loads(path)
        check_equal('what was plugged', sum(size for _, size in runs),
                    512 * MIB + GIB)
        check_equal('boot memory', runs[0], (0, 512 * MIB))
        self.check_dmesg(path, 'a-mark-in-the-log')
        gdb = tool('gdb', '-batch', '-nx', '-ex', 'info threads', '-ex',
                   'x/2xg 0x1000', '-core', path)
        check_equal('the CPUs that gdb finds',
                    len(re.findall(r'LWP \d+ +0x', gdb)), 2)
        check(re.search(r'^0x1000:\s', gdb, re.M), f'gdb said {gdb!r}')
        check(re.search(r'stored', result.out), str(result))
        # It went on, and can be resized as before.
        vm.run('rm /tmp/file')
        vm.qmp.resize('vm0', 2 * GIB)
        vm.qmp.resize('vm0', 0)
        self.note(f'{size_text(data)} stored, {size_text(before)} resident, '
                  f'{result.seconds:.1f} s')

    def test_compressed_it_is_the_same(self):
        vm = self.vm
        vm.qmp.resize('vm0', 256 * MIB)
        # Random bytes of a test before may still lie in free memory.
        vm.run('dd if=/dev/zero bs=1M count=128 2>/dev/null | '
               'tr "\\0" y >/tmp/file')
        vm.qmp.command('stop')
        path = self.path()
        packed = path + '.zst'
        self.dump(path)
        result = json.loads(self.dump(packed, '--compress', '--json').out)
        check_equal('compressed', result['compressed'], True)
        check_equal('memory', result['memory'], 768 * MIB)
        check(self.data_size(packed) < self.data_size(path) / 2,
              f'{size_text(self.data_size(packed))} of '
              f'{size_text(self.data_size(path))}')
        tool('zstd', '-q', '-d', '-f', packed, '-o', path + '.2')
        tool('cmp', path, path + '.2')
        os.unlink(path + '.2')
        # It was stopped, and so it is still.
        check_equal('the state', vm.qmp.command('query-status')['status'],
                    'paused')
        vm.qmp.command('cont')
        vm.run('rm /tmp/file')
        vm.qmp.resize('vm0', 0)
        self.note(f'{size_text(self.data_size(packed))} of '
                  f'{size_text(self.data_size(path))}')

    def test_what_stands_still_does_not_change(self):
        """Stopped amid an unplug, with somebody typing at its console."""
        vm, qmp = self.vm, self.vm.qmp
        qmp.resize('vm0', GIB)
        self.forget_events()
        qmp.request('vm0', 0)
        qmp.wait_event('MEMORY_DEVICE_SIZE_CHANGE')
        qmp.command('stop')
        qmp.wait_event('STOP')
        check_equal('the events after STOP', qmp.events, [])
        size = qmp.get('vm0', 'size')
        check(0 < size < GIB, f'it was stopped with {size_text(size)}')
        vm.console.send('true\n')
        qmp.request('vm0', 128 * MIB)
        path = self.path()
        self.dump(path)
        self.dump(path + '.2')
        tool('cmp', path, path + '.2')
        os.unlink(path + '.2')
        check_equal('the size', qmp.get('vm0', 'size'), size)
        names = [event['event'] for event in qmp.events]
        check('MEMORY_DEVICE_SIZE_CHANGE' not in names, f'events: {names}')
        qmp.command('cont')
        qmp.wait_size('vm0', 128 * MIB)
        qmp.resize('vm0', 0)
        vm.run('true')
        self.note(f'stopped with {size_text(size)} of 1 GiB')

    def test_what_is_unplugged_is_left_out(self):
        """Two devices, one of them of shared memory."""
        vm = self.vm
        vm.qmp.resize('vm1', 256 * MIB)
        base0, base1 = (vm.qmp.get(device, 'memaddr')
                        for device in ('vm0', 'vm1'))
        for size in (512 * MIB, 128 * MIB, 0):
            vm.qmp.resize('vm0', size)
            path = self.path()
            self.dump(path)
            runs = loads(path)
            check_equal('the sum of the runs', sum(n for _, n in runs),
                        512 * MIB + 256 * MIB + size)
            check_equal('of them vm0\'s', sum(
                n for start, n in runs if base0 <= start < base0 + 8 * GIB),
                size)
            for (start, n), (after, _) in zip(runs, runs[1:]):
                check(start + n < after, 'runs touch or overlap')
            check(any(start >= base1 for start, _ in runs), 'vm1 is missing')
        vm.qmp.resize('vm1', 0)

    def test_by_qmp_as_with_qemu(self):
        vm, qmp = self.vm, self.vm.qmp
        path = self.path()
        self.forget_events()
        check_equal('the answer', qmp.command(
            'dump-guest-memory', paging=False, protocol='file:' + path), {})
        events = [event['event'] for event in qmp.events]
        check_equal('the events', events, ['STOP', 'DUMP_COMPLETED', 'RESUME'])
        result = qmp.command('query-dump')
        check_equal('the status', result['status'], 'completed')
        check_equal('the sizes', (result['completed'], result['total']),
                    (512 * MIB, 512 * MIB))
        check(result['x-paramem-vmcoreinfo'], 'no vmcoreinfo was found')
        os.unlink(path)
        self.forget_events()
        qmp.command('dump-guest-memory', paging=False, detach=True,
                    protocol='file:' + path)
        check(qmp.command('query-dump')['status'] in ('active', 'completed'),
              'the detached dump')
        event = qmp.wait_event('DUMP_COMPLETED')
        check_equal('its result', event['data']['result']['status'],
                    'completed')
        vm.run('true')

    def test_cancelled_by_a_reset(self):
        vm, qmp = self.vm, self.vm.qmp
        vm.run('dd if=/dev/urandom of=/tmp/file bs=1M count=100 2>/dev/null')
        path = self.path()
        start = vm.console.position()
        self.forget_events()
        # All at once, before it can be over.
        replies = self.begin_and(path, 'query-status', 'stop', 'cont',
                                 'system_reset')
        check_equal('the state', replies[0]['return']['status'], 'save-vm')
        for reply in replies[1:3]:
            check('dump' in reply['error']['desc'], str(reply))
        event = qmp.wait_event('DUMP_COMPLETED')
        check_equal('the result', event['data']['result']['status'], 'failed')
        check('cancelled' in event['data']['error'], str(event))
        self.check_nothing_left(path)
        vm.wait_ready(start)
        vm.run('true')
        self.dump(path)

    def begin_and(self, path, *commands):
        """Begins a compressed dump, which takes the longest, and runs these
        commands at once; their replies."""
        begin = {'execute': 'dump-guest-memory', 'arguments': {
            'paging': False, 'protocol': 'file:' + path,
            'detach': True, 'x-paramem-compress': True}}
        self.vm.qmp.send('\n'.join(map(json.dumps, [
            begin, *({'execute': command} for command in commands)])) + '\n')
        check_equal('the answer', self.vm.qmp.reply(), {'return': {}})
        return [self.vm.qmp.reply() for _ in commands]

    def check_nothing_left(self, path):
        left = [name for name in os.listdir(os.path.dirname(path))
                if name.startswith(os.path.basename(path))]
        check_equal('what is left', left, [])

    def test_interrupted(self):
        vm = self.vm
        vm.run('dd if=/dev/urandom of=/tmp/file bs=1M count=100 2>/dev/null')
        path = self.path('interrupted')
        self.forget_events()
        process = subprocess.Popen(
            [Settings.paramem, 'dump', vm.name, path, '--compress'],
            env=environment(), stderr=subprocess.PIPE, text=True)
        vm.qmp.wait_event('STOP')
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        check_equal('the status, ' + errors, process.returncode, 1)
        check('cancelled' in errors, errors)
        self.check_nothing_left(path)
        vm.run('rm /tmp/file')

    def test_it_ends_with_who_asked(self):
        """Whose end leaves no guest standing."""
        vm = self.vm
        vm.run('dd if=/dev/urandom of=/tmp/file bs=1M count=100 2>/dev/null')
        path = self.path('killed')
        self.forget_events()
        with subprocess.Popen(
                [Settings.paramem, 'dump', vm.name, path, '--compress'],
                env=environment(), stderr=subprocess.DEVNULL) as process:
            vm.qmp.wait_event('STOP')
            process.kill()
        event = vm.qmp.wait_event('DUMP_COMPLETED')
        check_equal('the result', event['data']['result']['status'], 'failed')
        vm.qmp.wait_event('RESUME')
        self.check_nothing_left(path)
        # Which is in the log; at its end the program has said nothing more.
        self.said = vm.said()
        check(re.fullmatch(r'paramem: the dump is cancelled: the client that '
                           rf'began it, process {process.pid}, has hung up; '
                           r"with 'detach' it would go on\n", self.said),
              f'the program said {self.said!r}')
        vm.run('rm /tmp/file')

    def test_failures(self):
        vm = self.vm
        path = self.path('failures')
        for target, words in ((path + '/none/core', 'No such file'),
                              ('/dev/null', 'there already'),
                              ('', 'empty')):
            result = paramem('dump', vm.name, target)
            check_equal(f'the status for {target}', result.status, 1)
            check(words in result.err and result.err.count('\n') == 1,
                  str(result))
        # A disk that fills up, as far as the program can tell.
        limit = resource.prlimit(vm.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(vm.process.pid, resource.RLIMIT_FSIZE,
                         (16 * MIB, limit[1]))
        for options in ((), ('--compress',)):
            result = paramem('dump', vm.name, path, *options)
            check_equal('the status of a full disk', result.status, 1)
            check('cannot be written' in result.err, str(result))
            self.check_nothing_left(path)
        resource.prlimit(vm.process.pid, resource.RLIMIT_FSIZE, limit)
        vm.run('true')
        self.dump(path)
        os.unlink(path)

    def test_the_end_comes_first(self):
        """The machine ends amid a dump, and leaves nothing of it."""
        vm = self.vm
        vm.run('dd if=/dev/urandom of=/tmp/file bs=1M count=100 2>/dev/null')
        path = self.path('ended')
        self.begin_and(path, 'quit')
        vm.qmp.wait_event('DUMP_COMPLETED')
        vm.qmp.wait_event('SHUTDOWN')
        vm.wait_exit(said=self.said)
        self.check_nothing_left(path)
