# SPDX-License-Identifier: BSD-3-Clause
"""A guest that uses memory which it gave back, or never had: each attempt is
noticed and comes to nothing, and what happens then is the user's choice.

A stock guest does so through /dev/mem.
"""

from harness import (FAST, GIB, MIB, Group, Vm, check, check_equal, paramem)
from test_backends import set_pool
from test_hostile import (AVAILABLE, DESCRIPTORS, FEATURE, FEATURE_SELECT,
                          NOTIFY, QUEUE_ENABLE, QUEUE_SELECT, QUEUE_SIZE,
                          STATUS, USED, find_bar)

EVENT = 'X_PARAMEM_MEMORY_VIOLATION'
# In the span of what is plugged, and in one of which nothing is.
MIXED, EMPTY = 32 * MIB + 0x5000, 3 * GIB + 0x7000
EXIT_VIOLATION = 4
# Memory that the guest's kernel leaves alone.
RING = 0x10000000
INACCESSIBLE = 2


class Guarded(Group):
    """One machine for each test, since a machine has one policy. Its kernel's
    driver would keep /dev/mem out of the region; so there is none, and the
    test does with the queue what a driver does."""
    backend = 'anon'
    level = 'writes'

    def start(self, policy, features=INACCESSIBLE):
        self.features = features
        if self._vm:
            self._vm.close()
        self._vm = Vm(cpus=2, devices=(
            f'id=vm0,max-size=4G,requested-size=128M,backend={self.backend},'
            f'guard=required,on-violation={policy}',),
            append=f'{FAST} iomem=relaxed paramem.driver=none '
            f'memmap=1M${RING:#x}')
        self.plug(0, 1)
        return self._vm

    def poke(self, *registers):
        self._vm.run('; '.join(f'devmem {address:#x} {bits} {value:#x}'
                               for address, bits, value in registers))

    def set_up(self):
        """The device's registers, for a queue in the reserved memory."""
        bar = find_bar(self._vm)
        words = [(bar + STATUS, 8, 0), (bar + STATUS, 8, 3),
                 (bar + FEATURE_SELECT, 32, 0),
                 (bar + FEATURE, 32, self.features),
                 (bar + FEATURE_SELECT, 32, 1), (bar + FEATURE, 32, 1),
                 (bar + STATUS, 8, 11), (bar + QUEUE_SELECT, 16, 0),
                 (bar + QUEUE_SIZE, 16, 8)]
        for field, offset in ((DESCRIPTORS, 0), (AVAILABLE, 0x1000),
                              (USED, 0x2000)):
            words += [(bar + field, 32, RING + offset), (bar + field + 4, 32, 0)]
        self.poke(*words, (bar + QUEUE_ENABLE, 16, 1), (bar + STATUS, 8, 15))
        return bar

    def plug(self, block, count):
        bar = self.set_up()
        request, response = RING + 0x3000, RING + 0x3100
        address = self.address(block * 2 * MIB)
        # Two descriptors: 24 bytes to read, then 10 to write.
        self.poke((RING, 32, request), (RING + 8, 32, 24),
                  (RING + 12, 32, 0x10001), (RING + 16, 32, response),
                  (RING + 24, 32, 10), (RING + 28, 32, 2),
                  (request, 32, 0), (request + 8, 32, address & 0xffffffff),
                  (request + 12, 32, address >> 32), (request + 16, 32, count),
                  (response, 32, 0xffff), (RING + 0x1000, 32, 0x10000),
                  (bar + NOTIFY, 16, 0))
        self._vm.qmp.wait_size('vm0', count * 2 * MIB)

    def device(self):
        return self._vm.qmp.command('query-memory-devices')[0]['data']

    def address(self, offset):
        return self.device()['memaddr'] + offset

    def write(self, offset):
        return self._vm.console.begin(
            f'devmem {self.address(offset):#x} 32 0xdeadbeef')

    def read(self, offset):
        return int(self._vm.run(f'devmem {self.address(offset):#x} 32'), 16)

    def count(self, access):
        return self.device()[f'x-paramem-violations-{access}']

    def check_event(self, offset, access='write'):
        """An access that goes on after a stop is told again, a little later;
        so those of other pages are passed over."""
        page = 2 * MIB if self.backend == 'hugetlb' else 4096
        expected = self.address(offset) // page
        while True:
            data = self._vm.qmp.wait_event(EVENT, id='vm0')['data']
            check_equal('the access', data['access'], access)
            if data['gpa'] // page == expected:
                break
        check('vcpu' not in data or data['vcpu'] in (0, 1), f'{data}')
        return data

    def test_log(self):
        vm = self.start('log')
        check_equal('the level', self.device()['x-paramem-guard'], self.level)
        for n, offset in enumerate((MIXED, EMPTY), 1):
            out, status = vm.console.finish(self.write(offset))
            check_equal('the status', (out, status), ('', 0))
            self.check_event(offset)
            check(self.count('write') >= n, 'it was not counted')
        vm.run('sleep 1')
        vm.qmp.forget_events()
        check_equal('what was written', self.read(MIXED), 0)
        check_equal('what was written', self.read(EMPTY), 0)
        # The driver has agreed not to read. Not all of it is noticed, and some
        # is taken for writing.
        total = self.count('read') + self.count('write')
        check(total >= (4 if self.level == 'accesses' else 3),
              f'only {total} were counted')
        check_equal('running', vm.qmp.command('query-status')['running'], True)
        info = paramem('info', vm.name).out
        check('unplugged memory is guarded' in info, info)
        vm.terminate()

    def test_reads_that_are_allowed(self):
        vm = self.start('kill', features=0)
        for offset in (MIXED, EMPTY, MIXED + 5 * MIB):
            check_equal('what is there', self.read(offset), 0)
        vm.run('sleep 1')
        check_equal('reads and writes', (self.count('read'),
                                         self.count('write')), (0, 0))
        vm.terminate()

    def test_stop_and_cont(self):
        vm = self.start('stop')
        for offset in (MIXED, EMPTY, MIXED + 8 * MIB):
            began = self.write(offset)
            data = self.check_event(offset)
            vm.qmp.wait_event('STOP')
            status = vm.qmp.command('query-status')
            check_equal('the status', status['status'], 'paused')
            reason = status['x-paramem-reason']
            check('wrote to unplugged memory of device vm0' in reason and
                  f'{data["gpa"]:#x}' in reason, reason)
            vm.qmp.command('cont')
            check_equal('the command', vm.console.finish(began), ('', 0))
            check('x-paramem-reason' not in vm.qmp.command('query-status'),
                  'there still is a reason')
            vm.qmp.forget_events()
        vm.terminate()

    def test_stop_and_reset(self):
        vm = self.start('stop')
        start = vm.console.position()
        self.write(MIXED)
        vm.qmp.wait_event('STOP')
        vm.qmp.command('system_reset')
        vm.qmp.wait_event('RESET')
        vm.qmp.command('cont')
        vm.wait_ready(start)
        check_equal('what is plugged', self.device()['size'], 0)
        self.plug(3, 1)
        vm.terminate()

    def test_kill(self):
        for offset in (MIXED, EMPTY):
            vm = self.start('kill')
            address = self.address(offset)
            if self.backend == 'hugetlb' and offset == MIXED:
                address -= address % (2 * MIB)
            self.write(offset)
            self.check_event_of_the_dead(vm)
            vm.wait_exit(EXIT_VIOLATION, 'paramem: the guest wrote to '
                         f'unplugged memory of device vm0 at {address:#x}, '
                         'and on-violation=kill ends it\n')
            self._vm = None

    @staticmethod
    def check_event_of_the_dead(vm):
        vm.qmp.wait_event(EVENT, id='vm0', access='write')
        vm.qmp.wait_event('SHUTDOWN')


class Memfd(Guarded):
    backend = 'memfd'
    level = 'accesses'
    test_memfd_log = Guarded.test_log
    test_memfd_reads = Guarded.test_reads_that_are_allowed
    test_memfd_stop_and_cont = Guarded.test_stop_and_cont
    test_memfd_stop_and_reset = Guarded.test_stop_and_reset
    test_memfd_kill = Guarded.test_kill


    def test_memfd_late(self):
        """Where reading is allowed, KVM can ask for a page to write to though
        the guest but reads: so a write is told when its page is taken back."""
        vm = self.start('stop', features=0)
        began = self.write(MIXED)
        data = vm.qmp.wait_event(EVENT, id='vm0')['data']
        check_equal('the access', data['access'], 'write')
        check(abs(data['gpa'] - self.address(MIXED)) < 256 * 1024, f'{data}')
        vm.qmp.wait_event('STOP')
        vm.qmp.command('cont')
        check_equal('the command', vm.console.finish(began), ('', 0))
        check_equal('what was written', self.read(MIXED), 0)
        vm.terminate()


class Hugetlb(Guarded):
    backend = 'hugetlb'
    level = 'accesses'
    test_hugetlb_log = Guarded.test_log
    test_hugetlb_reads = Guarded.test_reads_that_are_allowed
    test_hugetlb_stop_and_cont = Guarded.test_stop_and_cont
    test_hugetlb_stop_and_reset = Guarded.test_stop_and_reset
    test_hugetlb_kill = Guarded.test_kill

    def start(self, policy, features=INACCESSIBLE):
        set_pool(256 * MIB)
        return super().start(policy, features)

    def end(self):
        super().end()
        set_pool(0)
