# SPDX-License-Identifier: BSD-3-Clause
"""Why a size was not reached: each sentence in the situation that it is
about, brought about in a real guest."""

from harness import (FAST, GIB, MIB, Deadline, Failure, Group, Skip, check,
                     check_equal, paramem)


class Reasons(Group):
    """With steps on the way to a reason."""

    def reason(self, size, seconds=5, device='vm0'):
        """What a resize that was not reached says."""
        out = self.vm.resize_in_vain(device, size, seconds).out
        self.note(out.split(': ', 2)[2].strip())
        return out

    def expect(self, out, *said, unsaid=()):
        for text in said:
            check(text in out, f'no {text!r} in {out!r}')
        for text in unsaid:
            check(text not in out, f'{text!r} in {out!r}')

    def info(self):
        return paramem('info', self.vm.name).out


class Sizes(Reasons):
    machine = {'append': FAST, 'devices': (
        'id=vm0,max-size=1G,block-size=1M', 'id=vm1,max-size=777M,block-size=1M',
        'id=vm2,max-size=100M')}

    @property
    def vm(self):
        first = self._vm is None
        vm = super().vm
        if first:
            self.expect(vm.said(), 'vm1: a Linux guest gets to 768 MiB at most',
                        'vm2: a Linux guest gets to 0 at most',
                        'a maximum of 128 MiB', unsaid=('vm0',))
        return vm

    def test_sub_blocks(self):
        out = self.reason('257M')
        self.expect(out, '256 MiB or 258 MiB', unsaid=('low on memory',))
        check_equal('the size', self.vm.qmp.get('vm0', 'size'), 256 * MIB)
        self.vm.qmp.resize('vm0', 512 * MIB)
        out = self.reason('257M')
        self.expect(out, '256 MiB or 258 MiB', unsaid=('in use',))
        check_equal('the size', self.vm.qmp.get('vm0', 'size'), 258 * MIB)
        self.vm.qmp.resize('vm0', 0)

    def test_memory_blocks(self):
        out = self.reason('777M', device='vm1')
        self.expect(out, '768 MiB at most', 'blocks of 128 MiB')
        check_equal('the size', self.vm.qmp.get('vm1', 'size'), 768 * MIB)
        self.vm.qmp.resize('vm1', 0)

    def test_region_below_a_memory_block(self):
        self.expect(self.reason('64M', device='vm2'), '0 at most')
        self.vm.qmp.request('vm2', 0)


class Offline(Reasons):
    """Debian's kernel brings nothing online unless it is told to."""
    machine = {'append': FAST + ' memhp_default_state=offline'}

    def test_memory_that_is_not_online(self):
        total = self.vm.mem_total()
        self.expect(self.reason('4G'), '1 GiB plugged',
                    'memhp_default_state=online_movable')
        check(self.vm.mem_total() < total + 64 * MIB, 'it is online')


class Paused(Reasons):
    machine = {'append': FAST}

    def test_paused(self):
        self.vm.qmp.command('stop')
        self.vm.qmp.request('vm0', GIB)
        self.expect(self.info(), 'paused', 'not as requested: the machine is '
                    'paused', unsaid=('hangs',))
        self.expect(self.reason('1G', 1), 'the machine is paused')
        self.vm.qmp.command('cont')
        self.vm.qmp.wait_size('vm0', GIB)


class Crashed(Reasons):
    machine = {'append': FAST + ' panic=0'}

    def test_crashed(self):
        self.vm.console.send('echo c >/proc/sysrq-trigger\n')
        self.vm.console.wait_for('end Kernel panic')
        self.expect(self.reason('1G', 5), 'has not looked', 'has crashed')
        self.vm.close()


class Asleep(Reasons):
    machine = {'append': FAST}

    def test_asleep(self):
        """Linux before 6.8 refuses to sleep with the device."""
        self.vm.console.begin('echo freeze >/sys/power/state; echo "awa""ke"')

        def asleep():
            if 'awake' in self.vm.console.since(0):
                raise Skip('this kernel does not sleep with a memory device')
            return not self.vm.qmp.get('vm0', 'x-paramem-driver-ready')

        try:
            Deadline(20).poll(asleep, 'the driver is at work')
        except Failure:
            self.vm.close()
            raise
        self.expect(self.reason('1G', 1), 'or sleeps')
        self.expect(self.info(), 'or sleeps', 'driver not ready')
        self.vm.close()
