# SPDX-License-Identifier: BSD-3-Clause
"""Kernels that follow one another without a reset: the next kernel's driver
takes the memory over, and a crash kernel's reads what is plugged and nothing
else.

With PARAMEM_KEEP_VMCORE=1 the dumps are left in PARAMEM_OUT, for tests/crash.
"""

import os
import re
import shutil
import subprocess
import time

from harness import (FAST, GIB, MIB, Group, Settings, check,
                     check_equal, paramem, size_text, temporary_directory)
from test_attack import own_pages, region
from test_dump import PT_LOAD, loads, segments, tool

BOOT = 448 * MIB
# What a dump goes through on its way out: memory that no kernel uses. It is
# low, to leave memory for a crash kernel in one piece.
WINDOW, WINDOW_SIZE = 4 * MIB, 8 * MIB
CHUNK = 2 * MIB
# What is plugged when a guest panics.
SIZES = {'vm0': 100 * MIB, 'vm1': 72 * MIB}
MAX = {'vm0': 4 * GIB, 'vm1': 2 * GIB}

_initrd = []


def archive(tree, base, path):
    """An initrd with what is in a directory on top of another one's."""
    names = subprocess.run(['find', '.'], cwd=tree, check=True,
                           stdout=subprocess.PIPE).stdout
    more = subprocess.run(['cpio', '-o', '-H', 'newc', '-R', '0:0', '--quiet'],
                          cwd=tree, input=names, check=True,
                          stdout=subprocess.PIPE).stdout
    with open(base, 'rb') as f:
        data = f.read()
    with open(path, 'wb') as f:
        # Each archive begins at a multiple of four.
        f.write(data + bytes(-len(data) % 4) + more)


def initrd():
    """One with the program to start a kernel, and a kernel to start, whose own
    initrd has that program too."""
    if not _initrd:
        here = os.path.dirname(os.path.abspath(__file__))
        directory = temporary_directory()
        tree = directory + '/tree'
        os.makedirs(tree + '/bin')
        subprocess.run([os.environ.get('CC', 'cc'), '-O1', '-static', '-o',
                        tree + '/bin/kexec', here + '/kexec.c'], check=True)
        archive(tree, Settings.initrd, directory + '/next')
        os.makedirs(tree + '/boot')
        shutil.copy(directory + '/next', tree + '/boot/initrd')
        shutil.copy(Settings.kernel, tree + '/boot/vmlinuz')
        archive(tree, Settings.initrd, directory + '/initrd')
        shutil.rmtree(tree)
        _initrd.append(directory + '/initrd')
    return _initrd[0]


def parts(start, size, holes):
    """Addresses of the chunks of a range that lie in holes."""
    for at, length in holes:
        first = max(start, at)
        yield from range(first, min(start + size, at + length), CHUNK)


class Next(Group):
    append = ''

    def __init__(self):
        super().__init__()
        self.machine = {
            'cpus': 2, 'initrd': initrd(), 'append': FAST + self.append,
            'memory': 'size=448M,backend=memfd',
            'devices': tuple(
                f'id={name},max-size={size},backend={backend},'
                'guard=required,on-violation=log' for (name, size), backend
                in zip(MAX.items(), ('anon', 'memfd')))}

    def command_line(self):
        return self.vm.run('cat /proc/cmdline')

    def load(self, what, more):
        """The next kernel's command line is this one's, and more."""
        line = re.sub(r' (crashkernel|memmap)=\S+', '', self.command_line())
        self.vm.run(f"kexec {what} /boot/vmlinuz /boot/initrd '{line} "
                    f"next-kernel {more}'")

    def sizes(self):
        return {name: self.vm.qmp.get(name, 'size') for name in MAX}

    def reads(self):
        return sum(device['data']['x-paramem-violations-read'] for device in
                   self.vm.qmp.command('query-memory-devices'))

    def check_no_violations(self):
        for device in self.vm.qmp.command('query-memory-devices'):
            data = device['data']
            check_equal(f'violations of {data["id"]}',
                        (data['x-paramem-violations-read'],
                         data['x-paramem-violations-write']), (0, 0))

    def check_no_reset(self):
        """Neither of these is one, so nothing was unplugged by it."""
        check(not [event for event in self.vm.qmp.events
                   if event['event'] == 'RESET'], 'there was a reset')

    def fresh(self):
        """The machine with nothing plugged and the first kernel; what its
        MemTotal is."""
        vm = self.vm
        if 'next-kernel' in self.command_line():
            start = vm.console.position()
            vm.qmp.command('system_reset')
            vm.qmp.wait_event('RESET')
            vm.wait_ready(start)
        for name in MAX:
            vm.qmp.resize(name, 0)
        return vm.boot_total()

    def file(self, size):
        """The memory file of this size, which is the most it can hold."""
        directory = f'/proc/{self.vm.process.pid}/fd'
        for number in os.listdir(directory):
            path = f'{directory}/{number}'
            if os.readlink(path).startswith('/memfd:') and \
                    os.stat(path).st_size == size:
                return path
        raise AssertionError('there is no such memory file')


class Kexec(Next):
    def start(self, more=''):
        """Starts the next kernel and waits for it."""
        vm = self.vm
        self.load('load', more)
        vm.qmp.forget_events()
        start = vm.console.position()
        vm.console.send('kexec run\n')
        vm.wait_ready(start)
        check('next-kernel' in self.command_line(), 'it is the same kernel')

    def check_sizes(self, total):
        vm, wanted = self.vm, 0
        for name in MAX:
            size = vm.qmp.get(name, 'requested-size')
            vm.qmp.wait_size(name, size)
            wanted += size
        vm.wait_mem_total(total + wanted * 97 // 100, total + wanted)
        check(vm.resident() <= BOOT + wanted + 64 * MIB,
              f'{size_text(vm.resident())} are resident')
        self.check_no_violations()

    def check_taken_over(self, total):
        """What the driver found plugged it unplugged, and then plugged what
        is requested."""
        said = self.vm.run('dmesg | grep virtio_mem')
        check_equal(f'the devices unplugged, of {said!r}',
                    said.count('unplugging all memory is required'), 2)
        self.check_sizes(total)

    def test_kexec_takes_memory_over(self):
        vm = self.vm
        total = self.fresh()
        vm.qmp.resize('vm0', 328 * MIB)
        vm.qmp.resize('vm1', 200 * MIB)
        vm.run('mount -t tmpfs t /tmp && '
               'dd if=/dev/zero of=/tmp/f bs=1M count=300 2>/dev/null')
        used = vm.resident()
        self.start()
        self.check_no_reset()
        self.check_taken_over(total)
        self.note(f'resident {size_text(used)}, then '
                  f'{size_text(vm.resident())}')

    def test_kexec_amid_a_resize(self):
        """The sizes change as the next kernel starts."""
        vm, qmp = self.vm, self.vm.qmp
        total = self.fresh()
        qmp.resize('vm0', 512 * MIB)
        self.load('load', '')
        start = vm.console.position()
        qmp.request('vm0', 64 * MIB)
        qmp.request('vm1', GIB)
        vm.console.send('kexec run\n')
        qmp.request('vm1', 640 * MIB)
        vm.wait_ready(start)
        self.check_no_reset()
        self.check_sizes(total)

    def test_kexec_into_a_kernel_without_the_driver(self):
        """What is plugged stays so, until there is a driver again."""
        vm, qmp = self.vm, self.vm.qmp
        total = self.fresh()
        qmp.resize('vm0', 256 * MIB)
        qmp.resize('vm1', 128 * MIB)
        self.start('paramem.driver=none')
        check_equal('the sizes', self.sizes(),
                    {'vm0': 256 * MIB, 'vm1': 128 * MIB})
        vm.wait_mem_total(total, total)
        vm.run('insmod /lib/modules/virtio_mem.ko')
        self.check_taken_over(total)


class Kdump(Next):
    append = f' crashkernel=128M swiotlb=noforce memmap={WINDOW_SIZE >> 20}M${WINDOW:#x}'
    crash_append = 'iomem=relaxed nr_cpus=1'

    def unplugged(self, runs):
        """Ranges of device memory that no run covers, by device."""
        result = {}
        for name, most in MAX.items():
            at = self.vm.qmp.get(name, 'memaddr')
            end, holes = at + most, []
            for start, size in sorted(runs):
                if start + size <= at or start >= end:
                    continue
                if start > at:
                    holes.append((at, start - at))
                at = start + size
            result[name] = holes + [(at, end - at)]
        return result

    def check_nothing_behind(self, holes):
        """The host has no page where nothing is plugged."""
        vm = self.vm
        start = region(vm.process.pid, MAX['vm0'])
        base = vm.qmp.get('vm0', 'memaddr')
        for at, size in holes['vm0']:
            pages = own_pages(vm.process.pid, start + at - base, size)
            check_equal(f'pages behind {size} unplugged bytes', pages, 0)
        # To know that this looked at the right memory.
        check(own_pages(vm.process.pid, start, MAX['vm0']),
              'no page is behind plugged memory')
        path = self.file(MAX['vm1'])
        base = vm.qmp.get('vm1', 'memaddr')
        fd = os.open(path, os.O_RDONLY)
        for at, size in holes['vm1']:
            try:
                found = os.lseek(fd, at - base, os.SEEK_DATA)
            except OSError:
                continue
            check(found >= at - base + size, 'the memory file has pages '
                  f'behind {size} unplugged bytes')
        os.close(fd)

    def fetch(self, path):
        """Copies the crash kernel's /proc/vmcore to a file here."""
        window = os.open(self.file(BOOT), os.O_RDONLY)
        offset = 0
        with open(path, 'wb') as f:
            while True:
                done = int(self.vm.run(f'kexec copy /proc/vmcore {offset} '
                                       f'{WINDOW_SIZE} {WINDOW}'))
                for at in range(0, done, CHUNK):
                    data = os.pread(window, min(CHUNK, done - at), WINDOW + at)
                    if data.count(0) < len(data):
                        f.seek(offset + at)
                        f.write(data)
                offset += done
                if done < WINDOW_SIZE:
                    break
            f.truncate(offset)
        os.close(window)
        return offset

    def check_contents(self, core, host_core, holes):
        """Of each device, what is plugged is in the core as it is in the
        host's; the rest, as far as it is there, is zeros. Returns how many
        bytes of each there were."""
        plugged = zeros = 0
        with open(core, 'rb') as f, open(host_core, 'rb') as g:
            for name, most in MAX.items():
                at = self.vm.qmp.get(name, 'memaddr')
                there = [(start, size, offset) for kind, start, size, offset in
                         segments(core) if kind == PT_LOAD and
                         at <= start < at + most]
                for start, size, offset in there:
                    for p in parts(start, size, holes[name]):
                        f.seek(offset + p - start)
                        data = f.read(CHUNK)
                        check(data.count(0) == CHUNK, f'{name} is not zeros at '
                              f'{p:#x}, where nothing is plugged')
                        zeros += CHUNK
                for kind, start, size, offset in segments(host_core):
                    if kind != PT_LOAD or not at <= start < at + most:
                        continue
                    for p in range(start, start + size, CHUNK):
                        found = [o + p - s for s, n, o in there
                                 if s <= p < s + n]
                        check(found, f'{p:#x} of {name} is missing')
                        f.seek(found[0])
                        g.seek(offset + p - start)
                        check(f.read(CHUNK) == g.read(CHUNK), f'{name} at '
                              f'{p:#x} is not what the host has')
                        plugged += CHUNK
        return plugged, zeros

    def check_tools(self, core):
        """What people use reads it."""
        log, packed = core + '.log', core + '.packed'
        tool('makedumpfile', '--dump-dmesg', core, log)
        with open(log, encoding='utf-8', errors='replace') as f:
            text = f.read()
        for words in ('a-mark-in-the-log', 'sysrq: Trigger a crash'):
            check(words in text, f'{words!r} is not in the log that was read')
        tool('makedumpfile', '-c', '-d', '31', core, packed)
        if os.environ.get('PARAMEM_KEEP_VMCORE') == '1':
            for path in (core, packed):
                subprocess.run(['cp', '--sparse=always', path,
                                os.environ['PARAMEM_OUT']], check=True)
        self.note(f'makedumpfile -c -d 31 {size_text(os.stat(packed).st_size)}')

    def kdump(self, more=''):
        """Loads a crash kernel while some is plugged that is not when it
        runs; panics; returns what was plugged then."""
        self.fresh()
        vm, qmp = self.vm, self.vm.qmp
        qmp.resize('vm0', 200 * MIB)
        qmp.resize('vm1', 72 * MIB)
        self.load('load-crash', more)
        qmp.resize('vm0', 100 * MIB)
        vm.run('mount -t tmpfs t /tmp && dd if=/dev/urandom of=/tmp/f bs=1M '
               'count=96 2>/dev/null; echo a-mark-in-the-log >/dev/kmsg')
        before = vm.directory + '/before'
        check_equal('the status of dump',
                    paramem('dump', vm.name, before).status, 0)
        runs = loads(before)
        os.unlink(before)
        qmp.forget_events()
        start = vm.console.position()
        vm.console.send('echo c >/proc/sysrq-trigger\n')
        vm.wait_ready(start)
        vm.run('test -s /proc/vmcore')
        return runs

    def check_dump(self, more):
        """The dump of a crash, on its way from the panic to crash(8)."""
        vm = self.vm
        runs = self.kdump(more)
        holes = self.unplugged(runs)
        self.check_nothing_behind(holes)
        core, host_core = vm.directory + '/vmcore', vm.directory + '/host'
        began = time.monotonic()
        length = self.fetch(core)
        seconds = time.monotonic() - began
        self.check_nothing_behind(holes)
        self.check_no_reset()
        check_equal('the sizes', self.sizes(), SIZES)
        check_equal('the status of dump',
                    paramem('dump', vm.name, host_core).status, 0)
        check_equal('what is plugged', loads(host_core), runs)
        plugged, zeros = self.check_contents(core, host_core, holes)
        check_equal('plugged memory in it', plugged, sum(SIZES.values()))
        check(zeros >= 128 * MIB, 'nothing unplugged was to be read')
        os.unlink(host_core)
        self.note(f'vmcore of {size_text(length)} in {seconds:.0f} s, '
                  f'{size_text(os.stat(core).st_blocks * 512)} not zeros; of '
                  f'device memory {size_text(plugged)} plugged, '
                  f'{size_text(zeros)} not')
        self.check_tools(core)

    def test_kdump_holds_what_is_plugged(self):
        self.check_dump(self.crash_append)
        self.check_no_violations()
        # So reading would have been noticed where there is a memory file.
        data = self.vm.qmp.command('query-memory-devices')[1]['data']
        check_equal('the guard of vm1', data['x-paramem-guard'], 'accesses')
        # The end of such a kernel: a reset, after which all is as ever.
        vm, qmp = self.vm, self.vm.qmp
        start = vm.console.position()
        vm.console.send('reboot -f\n')
        qmp.wait_event('RESET', guest=True)
        vm.wait_ready(start)
        for name in MAX:
            qmp.wait_size(name, qmp.get(name, 'requested-size'))

    def test_kdump_without_the_driver(self):
        """Nobody tells that crash kernel what is plugged. It reads all, and
        may: it is not the one that agreed not to."""
        self.check_dump(self.crash_append + ' paramem.driver=none')
        self.note(f'{self.reads()} reads of what is not plugged were counted')
