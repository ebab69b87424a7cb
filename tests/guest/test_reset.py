# SPDX-License-Identifier: BSD-3-Clause
"""A machine that is reset is as it was after power-on, wherever its old guest
had got to: tests/guest/payload sets registers, and runs a hypervisor of its
own with a guest in it."""

from harness import MIB, Group, QmpError, Skip, check_equal
from test_attack import Payload

PORT, FAULT, LOOP = range(3)


class Reset(Group):
    def reset(self, what, nested):
        guest = Payload('anon', 256 * MIB)
        before = guest.ask('T')
        guest.begin('X', what, nested)
        guest.position = guest.vm.console.wait_for(
            r'\.', 60, guest.position).end()
        if what == LOOP:
            guest.vm.qmp.command('system_reset')
        answer = guest.answer()
        if answer == [0]:
            guest.quit()
            raise Skip('this processor has no SVM to nest')
        check_equal('the CPUs', answer, [3])
        after = guest.ask('T')
        check_equal('registers', [f'{n:x}' for n in after],
                    [f'{n:x}' for n in before])
        check_equal('the state', guest.vm.qmp.command(
            'query-status')['status'], 'running')
        guest.quit()

    def test_by_the_port(self):
        self.reset(PORT, 0)

    def test_by_a_triple_fault(self):
        self.reset(FAULT, 0)

    def test_from_outside(self):
        self.reset(LOOP, 0)

    def test_by_the_port_in_a_nested_guest(self):
        self.reset(PORT, 1)

    def test_by_a_triple_fault_in_a_nested_guest(self):
        self.reset(FAULT, 1)

    def test_from_outside_of_a_nested_guest(self):
        self.reset(LOOP, 1)

    def test_an_nmi_before_it_is_not_after_it(self):
        """There is nobody to take one: it would be another reset."""
        guest = Payload('anon', 256 * MIB)
        guest.vm.qmp.command('stop')
        try:
            guest.vm.qmp.command('inject-nmi')
        except QmpError:
            guest.vm.qmp.command('cont')
            guest.quit()
            raise Skip('there is no inject-nmi') from None
        guest.vm.qmp.command('system_reset')
        guest.vm.qmp.wait_event('RESET')
        guest.vm.qmp.forget_events()
        guest.vm.qmp.command('cont')
        check_equal('the CPUs', guest.answer(), [3])
        guest.ask('T')
        check_equal('resets', [e for e in guest.vm.qmp.events
                               if e['event'] == 'RESET'], [])
        guest.quit()
