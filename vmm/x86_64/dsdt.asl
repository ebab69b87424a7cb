// SPDX-License-Identifier: BSD-3-Clause
// What ACPI says of this machine: one PCI bus, one serial port, S5.
// The numbers are those of layout.h and power.h.
DefinitionBlock ("dsdt.aml", "DSDT", 2, "PARAM ", "PARAMEM ", 1)
{
	// The sleep type that power.c takes for power-off.
	Name (\_S5, Package () { 5, 0, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A08"))
			Name (_CID, EisaId ("PNP0A03"))
			Name (_SEG, 0)
			Name (_BBN, 0)
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed,
					MaxFixed, PosDecode, 0, 0, 0, 0, 1)
				IO (Decode16, 0x0cf8, 0x0cf8, 1, 8)
				DWordMemory (ResourceProducer, PosDecode,
					MinFixed, MaxFixed, NonCacheable,
					ReadWrite, 0, 0xc0000000, 0xfeafffff,
					0, 0x3eb00000)
			})

			// INTA# of each slot, on the lines that layout.h gives it.
			Method (_PRT, 0, Serialized)
			{
				Name (PRTE, Package () { 0, 0, 0, 0 })
				Local0 = Package (32) {}
				Local1 = 0
				While (Local1 < 32)
				{
					PRTE [0] = (Local1 << 16) | 0xffff
					PRTE [3] = 20 + (Local1 & 3)
					Local0 [Local1] = PRTE
					Local1++
				}
				Return (Local0)
			}
		}

		// The configuration space's window is nobody else's.
		Device (MCFG)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadWrite, 0xfeb00000,
					0x00100000)
			})
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03f8, 0x03f8, 8, 8)
				IRQNoFlags () { 4 }
			})
		}
	}
}
