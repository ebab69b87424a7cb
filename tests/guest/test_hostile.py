# SPDX-License-Identifier: BSD-3-Clause
"""A guest that breaks the rules of a device harms only itself: the machine
goes on, the control socket answers, and the other devices work.

The guest pokes at the devices from its shell, through /dev/mem. It boots
without the virtio-mem driver, so that nothing stands in between.
"""

from harness import FAST, GIB, MIB, Deadline, Group, check, check_equal

# The pages of the devices' first BAR, and fields of the common configuration
# ([virtio] 4.1.4.3).
NOTIFY = 0x3000
FEATURE_SELECT, FEATURE = 0x08, 0x0c
STATUS, QUEUE_SELECT, QUEUE_SIZE, QUEUE_ENABLE = 0x14, 0x16, 0x18, 0x1c
DESCRIPTORS, AVAILABLE, USED = 0x20, 0x28, 0x30

ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET = 1, 2, 4, 8, 0x40


def find_bar(vm, index=0):
    """Where the registers of a device are, and that they can be reached."""
    device = vm.run('cd /sys/bus/pci/devices; for d in *; do read -r id '
                    '<$d/device; [ $id = 0x1058 ] && echo $d; done; cd /'
                    ).split()[index]
    return int(vm.run(f'read -r start end flags <'
                      f'/sys/bus/pci/devices/{device}/resource; '
                      'echo $start'), 16)


class Hostile(Group):
    machine = {
        'cpus': 2, 'append': FAST + ' iomem=relaxed paramem.driver=none',
        'devices': ('id=a,max-size=2G,on-violation=log',
                    'id=b,max-size=2G,on-violation=log')}

    def bar(self, index):
        return find_bar(self.vm, index)

    def write(self, *registers):
        """Addresses, widths in bits and values, in one go."""
        self.vm.run('; '.join(f'devmem {address:#x} {bits} {value:#x}'
                              for address, bits, value in registers))

    def read(self, address, bits):
        return int(self.vm.run(f'devmem {address:#x} {bits}'), 16)

    def status(self, bar):
        return self.read(bar + STATUS, 8)

    def set_up(self, bar, descriptors, available, used, size=64):
        """What a driver does, with rings of the caller's choice."""
        words = [(bar + STATUS, 8, 0), (bar + STATUS, 8, ACKNOWLEDGE | DRIVER),
                 (bar + FEATURE_SELECT, 32, 1), (bar + FEATURE, 32, 1),
                 (bar + STATUS, 8, ACKNOWLEDGE | DRIVER | FEATURES_OK),
                 (bar + QUEUE_SELECT, 16, 0), (bar + QUEUE_SIZE, 16, size)]
        for field, address in ((DESCRIPTORS, descriptors),
                               (AVAILABLE, available), (USED, used)):
            words += [(bar + field, 32, address & 0xffffffff),
                      (bar + field + 4, 32, address >> 32)]
        words += [(bar + QUEUE_ENABLE, 16, 1),
                  (bar + STATUS, 8,
                   ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK),
                  (bar + NOTIFY, 16, 0)]
        self.write(*words)

    def wait_needs_reset(self, bar, what):
        # A kick is handled by another thread than the one that reads.
        Deadline(10).poll(lambda: self.status(bar) & NEEDS_RESET,
                          f'the device needs a reset after {what}')

    def check_alive(self):
        vm = self.vm
        check_equal('running', vm.qmp.command('query-status')['running'], True)
        check_equal('what is plugged', [
            device['data']['size'] for device in
            vm.qmp.command('query-memory-devices')], [0, 0])
        check_equal('the console', vm.run('echo here'), 'here')

    def test_kick_of_a_device_never_configured(self):
        bar = self.bar(0)
        before = self.status(bar)
        check(not before & DRIVER, 'the device has a driver')
        self.write(*[(bar + NOTIFY, bits, value) for bits, value in
                     ((16, 0), (16, 0xffff), (32, 0), (8, 1))])
        check_equal('the status', self.status(bar), before)
        self.check_alive()

    def test_kick_of_a_queue_never_set_up(self):
        bar = self.bar(0)
        self.write((bar + STATUS, 8, 0),
                   (bar + STATUS, 8, ACKNOWLEDGE | DRIVER | DRIVER_OK),
                   (bar + NOTIFY, 16, 0), (bar + QUEUE_SELECT, 16, 9),
                   (bar + QUEUE_ENABLE, 16, 1), (bar + NOTIFY, 16, 9))
        self.check_alive()

    def test_rings_where_no_memory_is(self):
        bar = self.bar(0)
        devices = self.vm.qmp.command('query-memory-devices')
        unplugged = devices[1]['data']['memaddr']
        for what, address in (('the PCI hole', 0xd0000000),
                              ('the end of all addresses', (1 << 64) - 4096),
                              ('unplugged memory', unplugged),
                              ('beyond the machine', 1 << 39),
                              ('the device itself', bar)):
            self.set_up(bar, address, address, address)
            self.wait_needs_reset(bar, f'rings in {what}')
            self.check_alive()

    def test_rings_with_garbage(self):
        """Rings over the guest's own memory, whatever is in it."""
        bar = self.bar(0)
        for address in (0x1000, 0x100000, 0x1000000, 0x1000001):
            self.set_up(bar, address, address + 0x100, address + 0x400)
            self.check_alive()
        # What the device wrote there is the guest's own loss, so it goes.
        start = self.vm.console.position()
        self.vm.qmp.command('system_reset')
        self.vm.wait_ready(start)

    def test_every_register_written(self):
        bar = self.bar(0)
        for value in (0xff, 0):
            self.vm.run(f'i={bar}; while [ $i -lt {bar + 0x40} ]; do '
                        f'devmem $i 8 {value}; i=$((i + 1)); done; '
                        f'i={bar}; while [ $i -lt {bar + 0x40} ]; do '
                        f'devmem $i 32 {value}; devmem $i 16 {value}; '
                        'i=$((i + 4)); done')
        self.write((bar + NOTIFY, 16, 0))
        self.check_alive()
        self.write((bar + STATUS, 8, 0))

    def test_unplugged_memory(self):
        vm = self.vm
        start = vm.qmp.command('query-memory-devices')[0]['data']['memaddr']
        resident = vm.resident()
        for address in (start, start + 1 * GIB, start + 2 * GIB - 8,
                        start + 2 * GIB):
            self.write((address, 64, 0x1234567890))
            check_equal(f'what is read at {address:#x}',
                        self.read(address, 64) in (0, (1 << 64) - 1), True)
        check(vm.resident() < resident + 8 * MIB, 'it became resident')
        self.check_alive()

    def test_driver_after_all_that(self):
        """Both devices work for a driver that keeps to the rules, and one
        goes on when the other is broken under its driver."""
        vm, qmp = self.vm, self.vm.qmp
        vm.run('insmod /lib/modules/virtio_mem.ko')
        for size in (512 * MIB, 0):
            for device in ('a', 'b'):
                qmp.resize(device, size)
        bar = self.bar(0)
        self.set_up(bar, 1 << 39, 1 << 39, 1 << 39)
        self.wait_needs_reset(bar, 'rings beyond the machine')
        ready = {d['data']['id']: d['data']['x-paramem-driver-ready']
                 for d in qmp.command('query-memory-devices')}
        check_equal('which driver is ready', ready, {'a': False, 'b': True})
        result = vm.resize_in_vain('a', '512M', 1)
        check('driver' in result.out, str(result))
        for size in (512 * MIB, 0):
            qmp.resize('b', size)
        vm.quit()
