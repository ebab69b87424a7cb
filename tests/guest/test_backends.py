# SPDX-License-Identifier: BSD-3-Clause
"""Host memory of every kind behind a guest: what it costs, that all of it comes
back, and what happens when the host has none left."""

import os
import re
import time

from harness import (FAST, GIB, MIB, Deadline, Failure, Group, Skip, Vm, check,
                     check_equal, paramem, size_text, Settings)

HUGE = 2 * MIB
SIZE = 512 * MIB
POOL = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'
# The host looks again after at most 8 s.
WAKE_SECONDS = 30


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(str(text))


def read(path):
    with open(path, encoding='ascii') as f:
        return f.read().strip()


def meminfo(name):
    """In bytes, or a number of pages."""
    match = re.search(rf'^{name}:\s+(\d+)( kB)?$', read('/proc/meminfo'), re.M)
    return int(match[1]) * (1024 if match[2] else 1)


def set_pool(size):
    """Has the host provide huge pages, or take back what is free."""
    try:
        write(POOL, size // HUGE)
    except OSError as error:
        raise Skip(f'no huge pages here: {error}') from None
    got = int(read(POOL)) * HUGE
    if got < size:
        raise Skip(f'the host has only {size_text(got)} in huge pages')


def allocated(vm):
    """What the machine's memory files hold."""
    directory = f'/proc/{vm.process.pid}/fd'
    total = 0
    for number in os.listdir(directory):
        path = f'{directory}/{number}'
        if os.readlink(path).startswith('/memfd:'):
            total += os.stat(path).st_blocks * 512
    return total


class Backend(Group):
    """Grows and shrinks a guest, and looks at what the host has before and
    after; a subclass says what that is."""
    options = ''

    def __init__(self):
        super().__init__()
        self.machine = {'devices': (f'id=vm0,max-size=2G,{self.options}',)}

    def figure(self):
        """Host memory in use, by the measure of this back end."""
        return self.vm.resident()

    def use(self):
        """Has the guest write to some of it: movable memory goes first."""
        self.vm.run('mount -t tmpfs t /tmp && '
                    'dd if=/dev/zero of=/tmp/f bs=1M count=128 2>/dev/null')
        used = self.figure()
        self.vm.run('umount /tmp')
        return used

    def cycle(self, slack=0, least=SIZE):
        vm, before = self.vm, self.figure()
        total = vm.boot_total()
        seconds = []
        for _ in range(2):
            seconds.append(vm.resize('vm0', '512M').seconds)
            vm.wait_mem_total(total + SIZE * 97 // 100, total + SIZE)
            used = self.use()
            check(used >= before + least,
                  f'only {size_text(used - before)} are in use')
            seconds.append(vm.resize('vm0', '0').seconds)
            after = self.figure()
            check(before - slack <= after <= before + slack,
                  f'{size_text(after)} are in use, {size_text(before)} were')
        self.note(f'grow {seconds[0]:.1f} s, shrink {seconds[1]:.1f} s')


class Memfd(Backend):
    options = 'backend=memfd'

    def figure(self):
        return allocated(self.vm)

    def test_memfd_frees_its_blocks(self):
        self.cycle(least=120 * MIB)
        check_equal('the allocated blocks', allocated(self.vm), 0)
        data = self.vm.qmp.command('query-memory-devices')[0]['data']
        check_equal('x-paramem-backend', data['x-paramem-backend'], 'memfd')
        check('memfd' in paramem('info', self.vm.name).out, 'no word of memfd')


class Prealloc(Backend):
    options = 'prealloc=on'

    def test_prealloc_is_there_at_once_and_gone_again(self):
        self.cycle(slack=48 * MIB, least=SIZE * 97 // 100)


class Hugetlb(Backend):
    options = 'backend=hugetlb,page-size=2M'

    def figure(self):
        return -meminfo('HugePages_Free') * HUGE

    def test_hugetlb_returns_its_pages(self):
        set_pool(SIZE + 64 * MIB)
        self.cycle()

    def test_hugetlb_exhausted_and_refilled(self):
        set_pool(192 * MIB)
        vm, free = self.vm, meminfo('HugePages_Free')
        result = vm.resize_in_vain('vm0', '512M', 6)
        check('huge page' in result.out + result.err,
              f'not told that huge pages lack: {result}')
        check_equal('the state', vm.qmp.command('query-status')['status'],
                    'running')
        vm.run('true')
        size = vm.qmp.get('vm0', 'size')
        check_equal('the huge pages left', meminfo('HugePages_Free'),
                    free - size // HUGE)
        set_pool(SIZE + 64 * MIB)
        began = time.monotonic()
        vm.qmp.wait_size('vm0', SIZE, WAKE_SECONDS)
        self.note(f'{size_text(size)} of 512 MiB; the rest '
                  f'{time.monotonic() - began:.1f} s after there were pages')
        vm.qmp.resize('vm0', 0)
        check_equal('the huge pages left', meminfo('HugePages_Free'),
                    (SIZE + 64 * MIB) // HUGE)

    def end(self):
        super().end()
        write(POOL, 0)


class LongRequest(Group):
    """Blocks so large that populating one takes seconds."""
    machine = {'devices': ('id=vm0,max-size=2G,block-size=1G,prealloc=on',)}

    def begin(self):
        """Returns when the host is at work."""
        vm = self.vm
        vm.qmp.resize('vm0', 0)
        before = vm.resident()
        vm.qmp.request('vm0', GIB)
        Deadline(20).poll(lambda: vm.resident() > before + 64 * MIB,
                          'populating begins')
        return vm

    def test_control_socket_answers_meanwhile(self):
        vm, slowest, count, start = self.begin(), 0, 0, time.monotonic()
        while vm.qmp.get('vm0', 'size') == 0:
            began = time.monotonic()
            vm.qmp.command('query-status')
            slowest = max(slowest, time.monotonic() - began)
            count += 1
        check_equal('the size', vm.qmp.get('vm0', 'size'), GIB)
        seconds = time.monotonic() - start
        # Relative, since the machine may be busy with other things.
        check(count > 10 and slowest < seconds / 3,
              f'{count} answers in {seconds:.2f} s, one took {slowest:.2f} s')
        self.note(f'{count} answers in {seconds:.1f} s, the slowest in '
                  f'{slowest * 1000:.0f} ms')

    def test_reset_meanwhile(self):
        vm = self.begin()
        start = vm.console.position()
        began = time.monotonic()
        vm.qmp.command('system_reset')
        vm.qmp.wait_event('RESET')
        self.note(f'reset after {time.monotonic() - began:.2f} s')
        vm.wait_ready(start)
        # What was asked for remains so.
        vm.qmp.wait_size('vm0', GIB)
        vm.qmp.resize('vm0', 0)

    def test_quit_meanwhile(self):
        vm = self.begin()
        began = time.monotonic()
        vm.quit()
        self.note(f'quit after {time.monotonic() - began:.2f} s')


class BootMemory(Group):
    def boot(self, options):
        vm = Vm(memory=f'size=512M,{options}', devices=())
        try:
            check(vm.mem_total() > 400 * MIB, 'boot memory lacks')
            yield vm
        finally:
            vm.close()

    def test_boots_on_memfd(self):
        for vm in self.boot('backend=memfd'):
            check(allocated(vm) > 64 * MIB, 'it is not in the memory file')
            vm.quit()

    def test_boots_on_hugetlb(self):
        set_pool(SIZE)
        try:
            for vm in self.boot('backend=hugetlb,page-size=2M'):
                check_equal('free huge pages', meminfo('HugePages_Free'), 0)
                vm.quit()
            check_equal('free huge pages', meminfo('HugePages_Free'),
                        SIZE // HUGE)
        finally:
            write(POOL, 0)

    def test_boots_on_all_of_it_at_once(self):
        for vm in self.boot('prealloc=on'):
            check(vm.resident() >= SIZE, f'{size_text(vm.resident())} only')
            vm.quit()


class Overcommit(Group):
    """Where the host promises no more than it has."""
    machine = {'devices': ('id=vm0,max-size=512G',)}

    def __init__(self):
        super().__init__()
        self.saved = [(path, read(path)) for path in (
            '/proc/sys/vm/overcommit_ratio', '/proc/sys/vm/overcommit_memory')]
        write('/proc/sys/vm/overcommit_ratio', 60)
        write('/proc/sys/vm/overcommit_memory', 2)

    def test_commit_follows_what_is_accessible(self):
        vm, before = self.vm, meminfo('Committed_AS')
        vm.resize('vm0', '1G')
        usable = vm.qmp.get('vm0', 'x-paramem-usable-size')
        grown = meminfo('Committed_AS') - before
        check(abs(grown - usable) <= usable // 100,
              f'{grown} bytes were committed for {usable} accessible ones')
        self.note(f'{size_text(grown)} committed for {size_text(usable)}')

    def test_beyond_the_commit_limit(self):
        vm = self.vm
        vm.qmp.resize('vm0', GIB)
        state = vm.qmp.command('query-memory-devices')
        before = meminfo('Committed_AS')
        result = paramem('resize', vm.name, 'vm0', '100G')
        check_equal('the status', result.status, 1)
        check(len(result.err.splitlines()) == 1 and 'commit' in result.err,
              f'not one sentence: {result}')
        check_equal('the devices', vm.qmp.command('query-memory-devices'),
                    state)
        check(abs(meminfo('Committed_AS') - before) < 16 * MIB,
              'the host committed memory all the same')
        vm.qmp.resize('vm0', 0)
        self.note(result.err.strip())

    def end(self):
        super().end()
        for path, value in self.saved:
            write(path, value)


class Refused(Group):
    """What the host cannot do is told in one sentence, and nothing stays."""

    def refused(self, words, said, status=1, wrapper=()):
        result = paramem('run', '--kernel', Settings.kernel, '--serial',
                         'none', *words, wrapper=wrapper)
        check_equal(f'the status for {words} ({result.err!r})', result.status,
                    status)
        lines = result.err.splitlines()
        check(len(lines) == 1 and lines[0].startswith('paramem: '),
              f'{words}: not one line but {result.err!r}')
        for text in said:
            check(text in lines[0], f'{words}: no {text!r} in {lines[0]!r}')

    def device_refused(self, options, said, **more):
        self.refused(['--mem-device', 'id=vm0,' + options], ['vm0', *said],
                     **more)

    def test_page_sizes(self):
        self.device_refused('max-size=1G,backend=hugetlb,page-size=16M',
                            ['no huge pages of'])
        self.refused(['--memory', 'size=1G,backend=hugetlb,page-size=16M'],
                     ['boot memory', 'no huge pages of'])
        self.device_refused(
            'max-size=1G,backend=hugetlb,page-size=1G,block-size=2M',
            ['2 MiB', '1 GiB'], status=2)
        self.device_refused('max-size=1G,page-size=2M', ['hugetlb'], status=2)

    def test_no_huge_pages_for_boot_memory(self):
        write(POOL, 0)
        self.refused(['--memory', 'size=512M,backend=hugetlb,page-size=2M'],
                     ['boot memory', 'huge page'])

    def test_locked_memory(self):
        """As somebody who may not lock what he likes."""
        self.device_refused(
            'max-size=1G,requested-size=64M,lock=on', ['RLIMIT_MEMLOCK'],
            wrapper=('prlimit', '--memlock=65536:65536', 'setpriv',
                     '--inh-caps=-ipc_lock', '--bounding-set=-ipc_lock'))

    def test_nodes(self):
        self.device_refused('max-size=1G,host-nodes=63,policy=bind',
                            ['node 63'])
        self.refused(['--memory', 'host-nodes=63,policy=bind'], ['node 63'])
        self.device_refused('max-size=1G,host-nodes=0', ['policy'], status=2)
        self.device_refused('max-size=1G,policy=bind', ['host-nodes'],
                            status=2)

    def test_address_space(self):
        self.device_refused('max-size=1000T', ['max-size'])
        self.device_refused('max-size=1G,requested-size=64M', ['address'],
                            wrapper=('prlimit', '--as=1000000000'))

    def test_descriptors(self):
        """Wherever they run out, it is told."""
        for limit in range(4, 40, 3):
            result = paramem(
                'run', '--kernel', Settings.kernel, '--serial', 'none',
                '--append', 'panic=0', '--memory', 'backend=memfd',
                '--mem-device', 'id=vm0,max-size=1G,backend=memfd',
                wrapper=('timeout', '3', 'prlimit', f'--nofile={limit}'))
            if result.status != 1:
                check(limit > 12, f'{limit} descriptors were enough')
                return
            check_equal(f'the lines for {limit} descriptors '
                        f'({result.err!r})', len(result.err.splitlines()), 1)
        raise Failure('39 descriptors were not enough')
