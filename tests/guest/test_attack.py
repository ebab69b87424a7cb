# SPDX-License-Identifier: BSD-3-Clause
"""A guest that does its worst: tests/guest/payload plugs, unplugs, and uses
unplugged memory from all of its CPUs. Afterwards the host has no page behind
any unplugged block, and no plugged block has changed.

PARAMEM_ATTACK_SECONDS says how long each attack goes on,
PARAMEM_ATTACK_RACES how many unplugs are raced, and PARAMEM_ATTACK_READ how
many MiB are read.
"""

import os
import re
import struct
import subprocess
import time

from harness import (GIB, MIB, Deadline, Group, Vm, check, check_equal,
                     size_text, temporary_directory)
from test_backends import set_pool

BLOCK = 2 * MIB
PAGE = 4096
SECONDS = int(os.environ.get('PARAMEM_ATTACK_SECONDS', 2))
RACES = int(os.environ.get('PARAMEM_ATTACK_RACES', 40))
READ = int(os.environ.get('PARAMEM_ATTACK_READ', 96)) * MIB
# The region of a checkerboard; the pool of huge pages is as large.
BOARD = 256 * MIB
# What reading unplugged memory may cost the host, page tables included.
READ_COST = 64 * MIB

_image = []


def image():
    if not _image:
        path = temporary_directory() + '/payload'
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run([here + '/payload/build', path], check=True)
        _image.append(path)
    return _image[0]


def region(pid, size):
    """Where a process has a device's anonymous memory of this size."""
    with open(f'/proc/{pid}/maps', encoding='ascii') as f:
        ranges = [tuple(int(n, 16) for n in line.split()[0].split('-'))
                  for line in f]
    for first in range(len(ranges)):
        end = ranges[first][0]
        for start, stop in ranges[first:]:
            if start != end:
                break
            end = stop
            if end - ranges[first][0] == size and not \
                    ranges[first][0] % BLOCK:
                return ranges[first][0]
    raise AssertionError('the region is not mapped')


def own_pages(pid, start, size):
    """How many pages it has there; the zero page is nobody's."""
    with open(f'/proc/{pid}/pagemap', 'rb') as f:
        f.seek(start // 4096 * 8)
        entries = f.read(size // 4096 * 8)
    return sum(entry >> 56 & 1 for entry, in struct.iter_unpack('<Q', entries))


class Payload:
    """A machine that runs it."""

    def __init__(self, backend, max_size, requested=None, cpus=3, policy='log',
                 features=0, options=''):
        self.backend = backend
        self.max_size = max_size
        self.vm = self.machine(
            cpus, f'max-size={max_size},requested-size={requested or max_size},'
            f'backend={backend},on-violation={policy}{options}')
        self.position = 0
        check_equal('the CPUs', self.answer(), [cpus])
        self.address, self.usable, _ = self.ask('I', features)

    def machine(self, cpus, options):
        return Vm(cpus=cpus, memory='64M', kernel=image(), boot=False,
                  devices=(f'id=vm0,guard=required,{options}',))

    def answer(self, seconds=240):
        match = self.vm.console.wait_for(r'[0-9a-f ]+\n', seconds,
                                         self.position)
        self.position = match.end()
        return [int(word, 16) for word in match[0].split()]

    def begin(self, letter, *numbers):
        self.vm.console.send(' '.join([letter] + [f'{n:x}' for n in numbers]) +
                             '\n')

    def ask(self, letter, *numbers, seconds=240):
        self.begin(letter, *numbers)
        return self.answer(seconds)

    def one(self, letter, *numbers, seconds=240):
        return self.ask(letter, *numbers, seconds=seconds)[0]

    def device(self):
        return self.vm.qmp.command('query-memory-devices')[0]['data']

    def counted(self):
        device = self.device()
        return (device['x-paramem-violations-write'],
                device['x-paramem-violations-read'])

    def plugged(self):
        self.begin('M')
        match = self.vm.console.wait_for(r'[0-9a-f]+\n', 60, self.position)
        self.position = match.end()
        return [bool(int(digit, 16) >> bit & 1)
                for digit in match[0].strip() for bit in range(4)]

    # -- what the host has

    def file(self):
        directory = f'/proc/{self.vm.process.pid}/fd'
        for number in os.listdir(directory):
            path = f'{directory}/{number}'
            if os.readlink(path).startswith('/memfd:'):
                return path
        raise AssertionError('there is no memory file')

    def behind(self, blocks):
        """Which of these blocks have pages."""
        if self.backend == 'anon':
            pid = self.vm.process.pid
            start = region(pid, self.max_size)
            return [b for b in blocks if own_pages(pid, start + b * BLOCK,
                                                   BLOCK)]
        found = []
        fd = os.open(self.file(), os.O_RDONLY)
        for b in blocks:
            try:
                if os.lseek(fd, b * BLOCK, os.SEEK_DATA) < (b + 1) * BLOCK:
                    found.append(b)
            except OSError:
                pass
        os.close(fd)
        return found

    def check_nothing_behind(self, plugged):
        """Soon, when nothing is on loan any more."""
        if self.backend == 'hugetlb':
            wanted = sum(plugged) * BLOCK
            Deadline(3).poll(lambda: os.stat(self.file()).st_blocks * 512 ==
                             wanted, 'the pool has all other pages')
            return
        unplugged = [b for b, is_plugged in enumerate(plugged)
                     if not is_plugged and (b + 1) * BLOCK <= self.usable]
        Deadline(3).poll(lambda: not self.behind(unplugged),
                         'no page is behind unplugged memory')

    def mappings(self):
        with open(f'/proc/{self.vm.process.pid}/maps', encoding='ascii') as f:
            return len(f.readlines())

    def page_tables(self):
        """Of the process, and those that KVM has, as far as the host tells."""
        total = 0
        with open(f'/proc/{self.vm.process.pid}/status', encoding='ascii') as f:
            total += int(re.search(r'VmPTE:\s+(\d+) kB', f.read())[1])
        with open('/proc/meminfo', encoding='ascii') as f:
            match = re.search(r'SecPageTables:\s+(\d+) kB', f.read())
            total += int(match[1]) if match else 0
        return total * 1024

    def memory(self):
        return self.vm.resident() + self.page_tables()

    def quit(self):
        self.begin('Q')
        self.vm.wait_exit()


class Attack(Group):
    backend = 'anon'
    options = ''
    pool = 0

    def start(self, *args, more='', **options):
        if self.pool:
            set_pool(self.pool)
        if self._vm:
            self._vm.close()
        p = Payload(self.backend, *args, options=self.options + more,
                    **options)
        self._vm = p.vm
        return p

    def end(self):
        super().end()
        if self.pool:
            set_pool(0)

    def attack(self, p, most):
        p.begin('A', 0x1234567, most)
        time.sleep(SECONDS)
        p.vm.console.send('x')
        writes, reads, plugs, unplugs, refusals, bad = p.answer()
        check_equal('words that changed', bad, 0)
        check(writes and reads, 'there was no attack')
        counted = p.counted()
        plugged = p.plugged()
        p.check_nothing_behind(plugged)
        check_equal('plugged', p.device()['size'], sum(plugged) * BLOCK)
        self.note(f'{SECONDS} s: {writes} writes, {reads} reads, {counted[0]} '
                  f'counted, {plugs} plugs, {unplugs} unplugs, {refusals} '
                  'refused')
        return plugged

    def test_anon_attack(self):
        p = self.start(GIB)
        self.attack(p, 64)
        p.quit()

    def test_anon_checkerboard(self):
        """All of the region: every second block is plugged."""
        blocks = BOARD // BLOCK // 2
        p = self.start(BOARD)
        check_equal('plugged', p.one('P', 0, blocks, 2), blocks)
        p.one('F', 0, blocks, 2)
        check_equal('the board', sum(self.attack(p, 0)), blocks)
        check_equal('words that changed', p.one('V', 0, blocks, 2), 0)
        # And while the places between are plugged and unplugged.
        self.attack(p, 2 * blocks)
        p.quit()

    def test_anon_each_is_counted(self):
        """One write to each of many places, in turn: none is overlooked."""
        p = self.start(GIB)
        check_equal('plugged', p.one('P', 0, 1, 1), 1)
        stride = BLOCK if self.backend == 'hugetlb' else 513 * 4096
        places = (GIB - BLOCK + stride - 1) // stride
        check_equal('written', p.one('W', BLOCK, GIB - BLOCK, stride), places)
        counted = p.counted()[0]
        # More where a loan ended before the vCPU got to run.
        check(counted >= places, f'{counted} of {places} were counted')
        check_equal('read', p.one('R', BLOCK, 16 * MIB, 4096), 0)
        check_equal('reads', p.counted()[1], 0)
        p.check_nothing_behind(p.plugged())
        self.note(f'{counted} counted of {places}')
        p.quit()

    def test_anon_dma(self):
        """A ring, or room for an answer, in unplugged memory: the device asks
        for a reset and has written nothing. In plugged memory both are good."""
        p = self.start(GIB)
        check_equal('plugged', p.one('P', 0, 1, 1), 1)
        for ring in (0, 1):
            for block in (1, 200, 511):
                check_equal('written', p.one('D', block * BLOCK, ring), 0)
            check_equal('written', p.one('D', PAGE, ring), 1)
        check_equal('writes', p.counted()[0], 0)
        p.check_nothing_behind(p.plugged())
        p.ask('I', 0)
        check_equal('plugged', p.one('P', 1, 1, 1), 1)
        p.quit()

    def test_anon_reads(self):
        """Without the feature by which a driver agrees not to, reading is
        allowed: zeros are there, and the host has no more memory in use. A
        block in each part of the region has all of it shown to the guest."""
        p = self.start((READ + GIB) // GIB * GIB, more=',reserve=off')
        blocks = (READ + GIB - 1) // GIB
        check_equal('plugged', p.one('P', 511, blocks, 512), blocks)
        # What is plugged gets its memory before.
        for block in range(511, READ // BLOCK, 512):
            p.one('R', block * BLOCK, BLOCK, 4096)
        before = p.memory()
        check_equal('read', p.one('R', 0, READ, 4096, seconds=3600), 0)
        cost = p.memory() - before
        check(cost < READ_COST, f'it cost {size_text(cost)}')
        self.note(f'{size_text(READ)} read for {size_text(max(cost, 0))}')
        p.quit()

    def test_anon_wide(self):
        """Single blocks all over 64 GiB, with one between two of them: the
        host's mappings and memory slots do not follow their number."""
        p = self.start(64 * GIB, more=',reserve=off')
        before = p.mappings()
        stride = 2 if not self.pool else 64 * GIB // self.pool * 2
        blocks = 64 * GIB // BLOCK // stride
        began = time.monotonic()
        check_equal('plugged', p.one('P', 0, blocks, stride), blocks)
        took = time.monotonic() - began
        more = p.mappings() - before
        check(more < 300, f'{more} mappings')
        check_equal('in use', p.device()['size'], blocks * BLOCK)
        self.note(f'{blocks} blocks plugged in {took:.1f} s; {more} mappings '
                  f'more, {p.mappings()} in all, page tables of '
                  f'{size_text(p.page_tables())}')
        p.quit()

    def test_anon_race(self):
        p = self.start(GIB)
        p.vm.console.send(f'H 5 {RACES:x}\n')
        began = time.monotonic()
        for _ in range(RACES):
            match = p.vm.console.wait_for(r'\.', 60, p.position)
            p.position = match.end()
            p.check_nothing_behind([False] * 8)
            p.vm.console.send('x')
        match = p.vm.console.wait_for(r'\n', 60, p.position)
        p.position = match.end()
        refusals, = p.answer()
        self.note(f'{RACES} races, {refusals} times refused, '
                  f'{time.monotonic() - began:.0f} s')
        p.quit()


class MemfdAttack(Attack):
    backend = 'memfd'
    test_memfd_attack = Attack.test_anon_attack
    test_memfd_checkerboard = Attack.test_anon_checkerboard
    test_memfd_each_is_counted = Attack.test_anon_each_is_counted
    test_memfd_dma = Attack.test_anon_dma
    test_memfd_race = Attack.test_anon_race
    test_memfd_wide = Attack.test_anon_wide
    test_memfd_reads = Attack.test_anon_reads


class HugetlbAttack(Attack):
    backend = 'hugetlb'
    pool = BOARD
    test_hugetlb_attack = Attack.test_anon_attack
    test_hugetlb_checkerboard = Attack.test_anon_checkerboard
    test_hugetlb_each_is_counted = Attack.test_anon_each_is_counted
    test_hugetlb_dma = Attack.test_anon_dma
    test_hugetlb_race = Attack.test_anon_race
    test_hugetlb_wide = Attack.test_anon_wide
    test_hugetlb_reads = Attack.test_anon_reads


class SmallAttack(Attack):
    """Anonymous memory without huge pages."""
    options = ',thp=off'
    test_small_attack = Attack.test_anon_attack
    test_small_race = Attack.test_anon_race
    test_small_reads = Attack.test_anon_reads
