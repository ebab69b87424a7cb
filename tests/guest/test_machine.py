# SPDX-License-Identifier: BSD-3-Clause
"""Machines of different shapes."""

import os
import struct

from harness import (FAST, GIB, MIB, Group, Settings, Skip, check, check_equal,
                     paramem, size_text, temporary_directory)


# For x86-64, entered by the 64-bit boot protocol.
TINY = bytes.fromhex(
    '488d242500000900'        # lea 0x90000, %rsp
    '0fb68ee8010000'          # movzbl 0x1e8(%rsi), %ecx: e820 entries
    '6bc914'                  # imul $20, %ecx, %ecx
    '4881c6d0020000'          # add $0x2d0, %rsi
    'e850000000'              # call put
    'bf00000001'              # mov $0x1000000, %edi
    '48893f'                  # 1: mov %rdi, (%rdi)
    '4881c700100000'          # add $0x1000, %rdi
    '4881ff00000004'          # cmp $0x4000000, %rdi
    '72ed'                    # jb 1b
    'bf00000001'              # mov $0x1000000, %edi
    '48393f7521'              # 2: cmp %rdi, (%rdi); jne off
    '4881c700100000'          # add $0x1000, %rdi
    '4881ff00000004'          # cmp $0x4000000, %rdi
    '72eb'                    # jb 2b
    '488d352b000000'          # lea good(%rip), %rsi
    'b904000000'              # mov $4, %ecx
    'e80d000000'              # call put
    '66ba040666b8003466ef'    # off: outw $0x3400, $0x604: S5
    'f4ebfd'                  # 3: hlt; jmp 3b
    '66bafd03eca82074f7'      # put: until port 0x3fd & 0x20
    '66baf803acee'            # lodsb; outb %al, $0x3f8
    'ffc975edc3') + b'good'   # dec %ecx; jnz put; ret


def tiny_kernel():
    """A bzImage that writes the memory map it was given to the serial port,
    writes to each page from 16 to 64 MiB, checks what is in them, says "good",
    and powers off."""
    image = bytearray(0x600)
    image[0x1f1] = 1  # setup_sects
    struct.pack_into('<H', image, 0x1fe, 0xaa55)
    image[0x201] = 0x6a  # the header's end
    struct.pack_into('<4sH', image, 0x202, b'HdrS', 0x20f)
    image[0x211] = 1  # loadflags: LOADED_HIGH
    struct.pack_into('<I', image, 0x22c, 0x7fffffff)  # initrd_addr_max
    struct.pack_into('<IB', image, 0x230, 2 * MIB, 1)  # alignment, relocatable
    struct.pack_into('<H', image, 0x236, 1)  # xloadflags: KERNEL_64
    struct.pack_into('<I', image, 0x238, 255)  # cmdline_size
    struct.pack_into('<QI', image, 0x258, MIB, MIB)  # pref_address, init_size
    return bytes(image) + TINY


class Shape(Group):
    """One machine for each shape; each also grows and shrinks."""

    def check_shape(self, cpus, memory, least):
        vm = self.vm
        check_equal('CPUs', int(vm.run('grep -c ^processor /proc/cpuinfo')), cpus)
        total = vm.mem_total()
        check(least <= total <= memory,
              f'MemTotal is {size_text(total)} of {size_text(memory)}')
        check_equal('base-memory', vm.qmp.command(
            'query-memory-size-summary')['base-memory'], memory)
        vm.qmp.resize('vm0', 256 * MIB)
        vm.wait_mem_total(total + 248 * MIB, total + 256 * MIB)
        vm.qmp.resize('vm0', 0)
        self.note(f'MemTotal {size_text(total)} of {size_text(memory)}')
        vm.quit()


class Smallest(Group):
    """64 MiB is too little for Debian's kernel, which needs 68 MiB to unpack
    itself and has used up 72 before init runs. So a kernel of a few
    instructions shows that the machine is there."""

    def test_64_mib(self):
        directory = temporary_directory()
        kernel, serial = directory + '/kernel', directory + '/serial'
        with open(kernel, 'wb') as f:
            f.write(tiny_kernel())
        result = paramem('run', '--memory', '64M', '--kernel', kernel,
                         '--serial', 'file:' + serial)
        check_equal('how it ended', (result.status, result.out, result.err),
                    (0, '', ''))
        with open(serial, 'rb') as f:
            said = f.read()
        check(said.endswith(b'good'), f'the kernel said {said!r}')
        table = [struct.unpack_from('<QQI', said, i)
                 for i in range(0, len(said) - 19, 20)]
        check_equal('the end of the memory', max(
            base + size for base, size, kind in table if kind == 1), 64 * MIB)

    def test_64_mib_for_a_kernel_that_needs_more(self):
        result = paramem('run', '--memory', '64M', '--kernel', Settings.kernel)
        check_equal('the status', result.status, 1)
        check('64' in result.err and '--memory' in result.err and
              result.err.count('\n') == 1, str(result))


class SmallLinux(Shape):
    """Linux with no more than it needs, built by tools/small-kernel."""
    machine = {'cpus': 1, 'memory': '64M', 'append': FAST}

    def test_one_cpu_and_64_mib(self):
        kernel = os.environ.get('PARAMEM_SMALL_KERNEL')
        if not kernel or not os.path.exists(kernel):
            raise Skip('no small kernel: run tools/small-kernel')
        self.machine = dict(self.machine, kernel=kernel)
        self.check_shape(1, 64 * MIB, 40 * MIB)


class Small(Shape):
    # Without the bounce buffers that a guest sets up which may get memory
    # above 4 GiB: nothing here needs them.
    machine = {'cpus': 1, 'memory': '80M',
               'append': FAST + ' swiotlb=noforce'}

    def test_one_cpu_and_80_mib(self):
        self.check_shape(1, 80 * MIB, 20 * MIB)


class Medium(Shape):
    machine = {'cpus': 2, 'memory': '512M', 'append': FAST}

    def test_two_cpus_and_512_mib(self):
        # Linux 6.12 keeps a few MiB more for itself than 6.1.
        self.check_shape(2, 512 * MIB, 390 * MIB)


class Large(Shape):
    """Boot memory on both sides of the PCI hole."""
    machine = {'cpus': 4, 'memory': '4G', 'append': FAST}

    def test_four_cpus_and_4_gib(self):
        vm = self.vm
        ram = [line.split(' : ')[0].strip().split('-') for line in
               vm.run('grep "System RAM" /proc/iomem').splitlines()]
        ram = [(int(a, 16), int(b, 16) + 1) for a, b in ram]
        check_equal('the end of the memory below the hole',
                    max(b for _, b in ram if b <= 4 * GIB), 3 * GIB)
        check_equal('the memory above the hole',
                    [r for r in ram if r[1] > 4 * GIB],
                    [(4 * GIB, 5 * GIB)])
        self.check_shape(4, 4 * GIB, int(3.8 * GIB))
